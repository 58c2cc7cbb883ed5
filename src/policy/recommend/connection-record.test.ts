import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { damagedText } from '../../../test/support/damaged.ts';
import { readConnectionRecord, recordForm, type ConnectionRecord } from './connection-record.ts';

const RECORD: ConnectionRecord = {
  startedAt: '2026-01-31T12:00:00.000Z',
  seconds: 60,
  leftOut: 2,
  names: new Map([['192.0.2.1', 'node n1']]),
  learned: new Map([['www.example.org', [parseIp('203.0.113.7')]]]),
  connections: [
    {
      from: 'shop/Deployment/web',
      to: '192.0.2.1',
      family: 4,
      protocol: 'TCP',
      port: parsePort(80),
      connections: 3,
      isAnswered: true,
    },
  ],
};

const HEAD =
  'apiVersion: policy.fairlead.dev/v1alpha1\nkind: ConnectionRecord\nstartedAt: 2026-01-31T12:00:00Z\n';

test('readConnectionRecord() reads what recordForm() writes', () => {
  assert.deepEqual(readConnectionRecord('r.json', JSON.stringify(recordForm(RECORD))), RECORD);
});

test('readConnectionRecord() takes what people leave out', () => {
  const text = `${HEAD}connections:\n  - { from: a/b, to: a/c, protocol: UDP, port: 53 }\n`;
  assert.deepEqual(readConnectionRecord('r.yaml', text).connections, [
    {
      from: 'a/b',
      to: 'a/c',
      family: 4,
      protocol: 'UDP',
      port: 53,
      connections: 1,
      isAnswered: true,
    },
  ]);
});

for (const [name, text, error] of [
  ['what is no record', 'a: b', /must be a ConnectionRecord/],
  ['a list', '[]', /holds no ConnectionRecord/],
  ['text that is no YAML', 'a: [', /Cannot use r\.yaml: /],
  ['no moment', HEAD.replace('2026-01-31T12:00:00Z', 'today'), /startedAt: must be a moment/],
  ['an unknown field', `${HEAD}conections: []`, /conections: unknown field/],
  [
    'a port that is none',
    `${HEAD}connections: [ { from: a, to: b, protocol: TCP, port: 0 } ]`,
    /connections\[0\]\.port: /,
  ],
  [
    'an unknown field of a connection',
    `${HEAD}connections: [ { form: a } ]`,
    /connections\[0\]\.form: unknown field/,
  ],
  [
    'an address that is none',
    `${HEAD}learned: [ { name: a.b, addresses: [x] } ]`,
    /learned\[0\]\.addresses\[0\]: /,
  ],
  ['a negative count', `${HEAD}seconds: -1`, /seconds: must not be less/],
] as const)
  test(`readConnectionRecord() refuses ${name}`, () => {
    assert.throws(() => readConnectionRecord('r.yaml', text), error);
  });

test('readConnectionRecord() reads or refuses whatever a damaged file says', () => {
  fc.assert(
    fc.property(damagedText(JSON.stringify(recordForm(RECORD))), (text) => {
      try {
        readConnectionRecord('r.json', text);
      } catch (error) {
        if (!(error instanceof FairleadError && error.code === 'invalid')) throw error;
      }
    }),
  );
});
