import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { commandWord, configWord, isMapKey, luaText, treeText, type Tree } from './proxy-text.ts';

const HOSTILE = [
  'a\r\nb',
  'a\0b',
  '"',
  "'",
  ' ',
  '{}',
  '\\',
  '%41',
  '#',
  ';',
  '<<',
  '(,)',
  '~',
  '',
  'é',
  '\ud800',
  'x'.repeat(65_536),
];

/** What Lua makes of it, in TypeScript: the parts and the escapes. */
function decode(text: string): Tree | undefined {
  const top: Tree[] = [];
  let list = top;
  const stack: Tree[][] = [];
  for (const [, mark, atom = ''] of text.matchAll(/([(),]?)([^(),]*)/g)) {
    if (mark === '(') {
      const inner: Tree[] = [];
      list.push(inner);
      stack.push(list);
      list = inner;
    } else if (mark === ')') list = stack.pop() ?? top;
    if (atom === '~') list.push('');
    else if (atom !== '') list.push(decodeURIComponent(atom));
  }
  return top[0];
}

describe('treeText()', () => {
  test('is one word of harmless characters, whatever it holds', () => {
    for (const text of HOSTILE) assert.match(treeText([text, [text]]), /^[A-Za-z0-9_./:%~(),-]+$/);
  });

  test('says what was said', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(...HOSTILE.filter((it) => it.isWellFormed())),
    );
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(text, fc.array(tie('tree'), { maxLength: 4 })),
    }));
    fc.assert(fc.property(fc.array(tree), (it) => assert.deepEqual(decode(treeText(it)), it)));
  });
});

test('isMapKey() lets through one word of a map and nothing that ends one', () => {
  const fine = HOSTILE.filter(isMapKey);
  assert.deepEqual(fine, ['"', "'", '{}', '\\', '%41', '#', ';', '<<', '(,)', '~']);
});

test('commandWord() leaves no character bare that a command line knows', () => {
  for (const text of HOSTILE) assert.doesNotMatch(commandWord(text), /(?<!\\)(?:\\\\)*[ ;"'#<>]/);
});

test('configWord() is one word in strong quotes', () => {
  for (const text of HOSTILE) assert.match(configWord(text), /^'(?:[^']|'\\'')*'$/s);
});

test('luaText() is digits alone', () => {
  for (const text of HOSTILE) assert.match(luaText(text), /^(?:\\\d{3})*$/);
});
