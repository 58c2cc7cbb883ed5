import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textPlaces, WHOLE_SPECS, withText } from '../../../../test/support/gateway-samples.ts';
import { applyDefaults } from '../../defaults/defaults.ts';
import { findings } from '../../../../test/support/gateway-rows.ts';

for (const [kind, spec] of Object.entries(WHOLE_SPECS)) {
  test(`a ${kind} with everything in it is fine, and needs no default`, async () => {
    assert.deepEqual(await findings(kind, spec), []);
    const object = structuredClone({ spec });
    applyDefaults(`gateway.${kind}`, object);
    assert.deepEqual(object, { spec });
  });
}

/** What the API lets be anything, whatever stands in it: nobody may take these for less than hostile. */
const FREE_TEXTS = [
  'GRPCRoute filters remove',
  'Gateway selector matchLabels',
  'HTTPRoute externalAuth allowedHeaders',
  'HTTPRoute externalAuth allowedResponseHeaders',
  'HTTPRoute filters remove',
  'ListenerSet selector matchLabels',
];

test('every text is bounded but those that the API leaves free', async () => {
  const free = new Set<string>();
  for (const [kind, spec] of Object.entries(WHOLE_SPECS))
    for (const at of textPlaces(spec)) {
      const changed = withText(spec, at, 'a'.repeat(65_536));
      if ((await findings(kind, changed)).length === 0) free.add(`${kind} ${shortened(at)}`);
    }
  assert.deepEqual([...free].toSorted(), FREE_TEXTS);
});

/** The innermost three names but those of elements and of maps' entries. */
function shortened(at: readonly string[]): string {
  const known = [
    'filters',
    'externalAuth',
    'allowedHeaders',
    'allowedResponseHeaders',
    'remove',
    'selector',
    'matchLabels',
  ];
  const names = at.filter((it) => known.includes(it));
  return (names.includes('externalAuth') ? names.filter((it) => it !== 'filters') : names).join(' ');
}
