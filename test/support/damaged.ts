// Arbitraries for doors: a good document with something wrong in it reaches further into a parser than noise does.

import fc from 'fast-check';

type Step = string | number;

/** The same JSON with up to `max` of its values replaced by any JSON, removed, or repeated in a list. */
export function damagedJson(good: unknown, max = 4): fc.Arbitrary<unknown> {
  const places = placesOf(good, []);
  const damage = fc.record({
    at: fc.constantFrom(...places),
    how: fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((value) => ({ kind: 'set' as const, value })),
      fc.constantFrom('', -1, 0, 65_536, 1e300, null, true, [], {}, [null], [[]], { a: {} }).map((value) => ({
        kind: 'set' as const,
        value: value as unknown,
      })),
      fc.constant({ kind: 'remove' as const }),
    ),
  });
  return fc.array(damage, { maxLength: max }).map((damages) => {
    let value: unknown = structuredClone(good);
    for (const { at, how } of damages) {
      if (at.length === 0) value = how.kind === 'set' ? structuredClone(how.value) : undefined;
      else change(value, at, how);
    }
    return value;
  });
}

/** The same text with up to `max` pieces cut out, doubled, or replaced by odd characters. */
export function damagedText(good: string, max = 3): fc.Arbitrary<string> {
  const odd = fc.oneof(
    fc.constantFrom(
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '\\',
      '\u0000',
      '\n',
      '\t',
      '&a ',
      '*a',
      '- ',
      '!!',
      '%',
      '\ud800',
      '9'.repeat(40),
    ),
    fc.string({ maxLength: 6, unit: 'binary' }),
  );
  const edit = fc.record({ at: fc.nat(), length: fc.nat({ max: 40 }), put: odd, twice: fc.boolean() });
  return fc.array(edit, { maxLength: max }).map((edits) =>
    edits.reduce((text, { at, length, put, twice }) => {
      const start = at % (text.length + 1);
      const kept = twice ? text.slice(start, start + length) : '';
      return text.slice(0, start) + kept + put + kept + text.slice(start + length);
    }, good),
  );
}

function placesOf(value: unknown, at: readonly Step[]): readonly (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  const children: readonly (readonly [Step, unknown])[] = Array.isArray(value)
    ? value.map((item, i) => [i, item] as const)
    : Object.entries(value);
  return [at, ...children.flatMap(([step, child]) => placesOf(child, [...at, step]))];
}

function change(
  root: unknown,
  at: readonly Step[],
  how: { readonly kind: 'set'; readonly value: unknown } | { readonly kind: 'remove' },
): void {
  let parent: unknown = root;
  for (const step of at.slice(0, -1)) {
    if (typeof parent !== 'object' || parent === null) return; // An earlier damage took this branch away.
    parent = (parent as Record<Step, unknown>)[step];
  }
  if (typeof parent !== 'object' || parent === null) return;
  const last = at[at.length - 1] ?? '';
  if (how.kind === 'set') (parent as Record<Step, unknown>)[last] = structuredClone(how.value);
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<Step, unknown>)[last];
}
