// Corefiles as text -> blocks as text, and what is said of those that are none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorefileSyntaxError, findingText } from './finding.ts';
import { parseCorefile, type Directive } from './parser.ts';

function lineText({ name, args, options }: Directive, indent: string): string {
  const words = [name, ...args].map(({ text }) => text).join(' ');
  const below = options.map((it) => `\n${lineText(it, `${indent}  `)}`).join('');
  return `${indent}${words}${below}`;
}

function parsed(text: string): string {
  return parseCorefile({ file: 'Corefile', text, variables: { DOMAIN: 'corp.example', EMPTY: '' } })
    .map(({ keys, directives }) => {
      const lines = directives.map((it) => lineText(it, '  '));
      return [keys.map((it) => it.text).join(' '), ...lines].join('\n');
    })
    .join('\n');
}

function refusal(text: string): string {
  try {
    return `taken: ${parsed(text)}`;
  } catch (error) {
    if (!(error instanceof CorefileSyntaxError)) throw error;
    return findingText(error.finding);
  }
}

const READ: readonly (readonly [string, string, string])[] = [
  ['nothing', '\ufeff  # only this\n', ''],
  ['a block without directives', '. {\n}', '.'],
  ['one line', '. { errors }', '.\n  errors'],
  [
    'zones on lines and behind commas, comments, line ends of Windows',
    'a:53, b,\nc {\r\n\terrors # why\r\n#log\n}\nd { }',
    'a:53 b c\n  errors\nd',
  ],
  [
    'options in braces',
    '. {\n forward . 1.1.1.1 {\n  except a b\n  x {\n   y\n  }\n }\n cache 30\n}',
    '.\n  forward . 1.1.1.1\n    except a b\n    x\n      y\n  cache 30',
  ],
  ['words in quotes', '. {\n a "b c" "say \\"x\\"" "\\d" ""\n "{" \n}', '.\n  a b c say "x" \\d \n  {'],
  [
    'variables',
    '{$DOMAIN} {\n a x.{$DOMAIN} {%DOMAIN%}{$EMPTY} {1}\n}',
    'corp.example\n  a x.corp.example corp.example {1}',
  ],
  [
    'snippets, also within others and within directives',
    '(log) {\n errors\n log\n}\n(all) {\n import log\n health\n}\n(names) {\n except a\n}\n' +
      '. {\n import all\n forward . 1.1.1.1 {\n  import names\n }\n}',
    '.\n  errors\n  log\n  health\n  forward . 1.1.1.1\n    except a',
  ],
];
for (const [name, text, expected] of READ) {
  test(`parseCorefile() reads ${name}`, () => assert.equal(parsed(text), expected));
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['. {\n errors', 'Corefile:2:2: error: the file ends before the "}" of line 1; add what is missing'],
  ['.', 'Corefile:1:1: error: the file ends before a "{" after the zones; add what is missing'],
  ['{\n}', 'Corefile:1:1: error: no zone before the "{"; name one, as "."'],
  ['. {\n}\n}', 'Corefile:3:1: error: a "}" that closes nothing; take it away'],
  [
    '. {\n a\n {\n }\n}',
    'Corefile:3:2: error: a "{" at the start of a line; put it at the end of the one before',
  ],
  ['.{\n}', 'Corefile:1:1: error: no blank before the "{" of ".{"; put one there'],
  ['. {\n  a "b\n}', 'Corefile:2:5: error: the quotes that open here do not end; close them'],
  ['. {\n a {$NO}\n}', 'Corefile:2:4: error: variable "NO" is not set here; write what it stands for'],
  [
    '. {\n import custom/*.override\n}',
    'Corefile:2:2: error: no snippet "custom/*.override" before this line; write its content here: files beside the Corefile are not read',
  ],
  ['. {\n import\n}', 'Corefile:2:2: error: an import of nothing; name a snippet'],
  ['(a) {\n}\n(a) {\n}', 'Corefile:3:1: error: snippet "a" is there twice; rename one of them'],
  [
    '(a) {\n import a\n}\n. {\n import a\n}',
    'Corefile:2:2: error: the imports of "a" do not end; take the circle away',
  ],
  [`. ${'{ a '.repeat(20)}`, 'Corefile:1:39: error: too many braces in each other; have fewer'],
];
for (const [text, expected] of REFUSED) {
  test(`parseCorefile() refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.equal(refusal(text), expected);
  });
}
