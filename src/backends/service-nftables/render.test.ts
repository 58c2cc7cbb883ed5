import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { Frontend } from '../../model/network.ts';
import { renderFrontend } from './render.ts';

const [A, B] = ['10.244.1.7:8080', '10.244.2.8:8080'] as const;
const nobody = { endpoints: [], whenEmpty: 'drop' } as const;

/** Values are in the order of the names, which are sorted. */
const ROWS: readonly {
  readonly name: string;
  readonly frontend: Frontend;
  readonly want: readonly string[];
}[] = [
  {
    name: 'inside and outside clients share elements where both have the same endpoints',
    frontend: aFrontend([A, B]),
    want: [
      'endpoints 0x40000000: 10.244.1.7 8080',
      'endpoints 0x40000001: 10.244.2.8 8080',
      'masquerade',
      'services: 0x40000002',
    ],
  },
  {
    name: 'outside clients have elements of their own where theirs are other endpoints',
    frontend: aFrontend([], { inside: aChoice(A, B), outside: aChoice(B), masqueradesOutside: false }),
    want: [
      'endpoints 0x40000000: 10.244.1.7 8080',
      'endpoints 0x40000001: 10.244.2.8 8080',
      'endpoints 0x50000000: 10.244.2.8 8080',
      'outside: 0x50000001',
      'services: 0x40000002',
    ],
  },
  {
    name: 'no endpoint refuses or says nothing, as each side has it',
    frontend: aFrontend([], { outside: nobody, masqueradesOutside: false }),
    want: ['outside: 0x5fffffff', 'services: 0x5ffffffe'],
  },
  {
    name: 'affinity remembers endpoints by what stands for them, whatever their place',
    frontend: aFrontend([A], { affinityTimeoutS: 60, masqueradesOutside: false }),
    want: [
      'endpoints 0x66b771ab: 10.244.1.7 8080',
      'identities 0x40000000: 0x66b771ab',
      'services: 0x4001e001',
    ],
  },
  {
    name: 'source ranges of the frontend’s family stand each once, none in another',
    frontend: aFrontend([A], {
      masqueradesOutside: false,
      sourceRanges: ['192.0.2.0/24', '192.0.2.0/25', '192.0.2.0/24', '2001:db8::/32'].map(parseCidr),
    }),
    want: [
      'allowed 192.0.2.0/24',
      'endpoints 0x40000000: 10.244.1.7 8080',
      'limited',
      'services: 0x40000001',
    ],
  },
  {
    name: 'endpoints of the other family are left out',
    frontend: aFrontend([A, '[fd00::7]:8080'], { ip: parseIp('fd00:96::5'), masqueradesOutside: false }),
    want: ['endpoints 0x40000000: fd00::7 8080', 'services: 0x40000001'],
  },
];

function linesOf(frontend: Frontend): readonly string[] {
  const elements = [...(renderFrontend(frontend)?.elements ?? [])];
  return elements.map(([name, value]) => (value === '' ? name : `${name}: ${value}`)).toSorted();
}

for (const { name, frontend, want } of ROWS) {
  test(`renderFrontend(): ${name}`, () => assert.deepEqual(linesOf(frontend), want));
}

test('renderFrontend(): what stands for an endpoint does not hang on its place', () => {
  const sticky = (...endpoints: readonly string[]): readonly string[] =>
    linesOf(aFrontend(endpoints, { affinityTimeoutS: 60 })).filter((it) => it.startsWith('endpoints'));
  assert.deepEqual(sticky(A, B), sticky(B, A));
});

test('renderFrontend(): node-local frontends have no row', () => {
  assert.equal(renderFrontend(aFrontend([A], { kind: 'node-local' })), undefined);
});

test('renderFrontend(): endpoints beyond 2047 take no flows', () => {
  const many = Array.from({ length: 2050 }, (_, at) => `10.244.${at >> 8}.${at & 255}:80`);
  assert.equal(renderFrontend(aFrontend(many))?.elements.get('services'), '0x400007ff');
});
