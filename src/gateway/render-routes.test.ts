// What was rendered before is as good as what is rendered anew, whatever has changed: rules, what they lead to, and where tables stand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { ProxyModel } from '../model/gateway.ts';
import {
  aBackend,
  aListener,
  aModel,
  anEntry,
  anHttpPort,
  aRule,
  aTable,
} from '../../test/support/proxy-models.ts';
import type { BackendSlot } from './backend-slots.ts';
import { renderDesired, RenderedBefore, type DesiredInput } from './desired.ts';
import { MAP_NAMES } from './map-lines.ts';

const shop = aTable(
  'shop.example',
  anEntry('/a*', 'split'),
  anEntry('/b*', 'mirrored'),
  // Last, as precedence has it: in front it would have every path.
  anEntry('/*', 'plain'),
);
const all = aTable('*.example', anEntry('/*', 'plain'));
const plain = aRule('plain', 'web');
const split = aRule('split', { web: 1, api: 1 });
const mirrored = aRule('mirrored', 'web', { filters: [{ kind: 'mirror', backend: 'api', share: 1 }] });
const bad = aRule('mirrored', 'web', {
  filters: [{ kind: 'rewrite', hostname: 'no host', path: undefined }],
});
const [web, api] = [aBackend('web', []), aBackend('api', [])];
const busy = aBackend('api', [{ ip: parseIp('10.0.0.1'), port: parsePort(80) }]);
const closed = aBackend('api', busy.endpoints, {
  tls: { isVerified: true, hostname: 'no host', authorities: [], clientCertificate: undefined },
});
const retried = aBackend('api', [], { retry: { attempts: 1, codes: [] } });

const model = (
  hosts: readonly (typeof shop)[],
  rules: NonNullable<Parameters<typeof aModel>[0]['rules']>,
  backends = [web, api],
): ProxyModel => aModel({ ports: [anHttpPort(80, aListener(undefined, ...hosts))], rules, backends });

const SLOTS = { web: 'b0001', api: 'b0002' };
const SLOT_LISTS = new Map<object, readonly BackendSlot[]>();
/** The same list for the same slots, as it is where none changes. */
function slotsOf(names: Readonly<Record<string, string>>): readonly BackendSlot[] {
  const made = (): readonly BackendSlot[] =>
    Object.entries(names).map(([backend, name]) => ({ name, shape: 'http', backend, freed: 0 }));
  return SLOT_LISTS.getOrInsertComputed(names, made);
}

const STEPS: readonly (readonly [
  name: string,
  model: ProxyModel,
  slots?: Readonly<Record<string, string>>,
])[] = [
  ['the first', model([shop], [plain, split, mirrored])],
  ['the same', model([shop], [plain, split, mirrored])],
  ['a rule leads elsewhere', model([shop], [aRule('plain', 'api'), split, mirrored])],
  ['a backend has another slot', model([shop], [plain, split, mirrored]), { web: 'b0003', api: 'b0002' }],
  [
    'a backend of a filter has another slot',
    model([shop], [plain, split, mirrored]),
    { web: 'b0003', api: 'b0004' },
  ],
  ['a backend has no slot', model([shop], [plain, split, mirrored]), { web: 'b0003' }],
  ['a backend is asked again', model([shop], [plain, split, mirrored], [web, retried])],
  ['a backend has endpoints', model([shop], [plain, split, mirrored], [web, busy])],
  ['a backend that cannot be spoken to', model([shop], [plain, split, mirrored], [web, closed])],
  ['requests are told of', { ...model([shop], [plain, split, mirrored]), telemetry: 'metrics' }],
  ['and are not', model([shop], [plain, split, mirrored])],
  ['a rule that cannot be followed', model([shop], [plain, split, bad])],
  ['the same again', model([shop], [plain, split, bad])],
  ['a less specific table behind it', model([shop, all], [plain, split, mirrored])],
  ['without a rule', model([shop, all], [plain, mirrored])],
  ['nothing', model([], [])],
  ['back again', model([shop], [plain, split, mirrored])],
];

test('routes that were rendered before are rendered as anew', () => {
  const before = new RenderedBefore();
  for (const [name, to, slots = SLOTS] of STEPS) {
    const input: DesiredInput = {
      model: to,
      slots: slotsOf(slots),
      place: {
        folder: '/run/t',
        addresses: [parseIp('127.0.0.1')],
        threads: 1,
        metrics: { ip: '127.0.0.1', port: 1 },
        namesServer: false,
      },
      lua: '',
      usable: (_, { pem }) => pem,
    };
    const [kept, anew] = [renderDesired({ ...input, before }), renderDesired(input)];
    for (const map of MAP_NAMES)
      assert.deepEqual(new Map(kept.maps[map]), new Map(anew.maps[map]), `${name}: ${map}`);
    assert.deepEqual(kept.servers, anew.servers, name);
    assert.deepEqual(kept.problems, anew.problems, name);
  }
});
