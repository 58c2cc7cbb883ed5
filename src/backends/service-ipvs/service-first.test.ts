import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import type { IpvsRow } from './row.ts';
import { isServiceFirst } from './service-first.ts';

const FRONTEND = { ip: parseIp('10.96.0.5'), port: parsePort(80), protocol: 'TCP' } as const;

/** With these verdicts in its maps, and one destination unless `weights` says otherwise. */
function aRow(verdicts: Readonly<Record<string, string>>, weights: readonly number[] = [1]): IpvsRow {
  const destinations = weights.map((weight) => ({
    ip: parseIp('10.244.1.2'),
    port: parsePort(8080),
    weight,
  }));
  return {
    ...FRONTEND,
    service: '',
    address: 'carried',
    inside: { scheduler: 'rr', persistenceS: 0, destinations },
    outside: undefined,
    elements: Object.entries(verdicts).map(([map, verdict]) => `${map}4 10.96.0.5 . tcp . 80 : ${verdict}`),
  };
}

const HIDDEN = aRow({ outside: 'goto hidden' });
const KEPT = aRow({ outside: 'goto keep' });
const SEPARATE = aRow({ outside: 'goto separate4' });
const SHUT_OUT = aRow({ outside: 'drop' });
const EMPTY = aRow({ inside: 'drop', outside: 'drop' }, []);
const DRAINING = aRow({ outside: 'goto refuse' }, [0]);

test('the service is changed first where the new elements bring clients to it, or show more of them', () => {
  const rows = { HIDDEN, KEPT, SEPARATE, SHUT_OUT, EMPTY, DRAINING };
  const entries = Object.entries(rows);
  const first = entries.flatMap(([from, before]) =>
    entries.filter(([, row]) => isServiceFirst(row, before)).map(([to]) => `${from} to ${to}`),
  );
  assert.deepEqual(first, [
    'HIDDEN to KEPT',
    'SEPARATE to HIDDEN',
    'SEPARATE to KEPT',
    'SHUT_OUT to HIDDEN',
    'SHUT_OUT to KEPT',
    'EMPTY to HIDDEN',
    'EMPTY to KEPT',
    'EMPTY to SEPARATE',
    'EMPTY to SHUT_OUT',
    'EMPTY to DRAINING',
  ]);
});

test('a frontend that is new has its elements first', () => {
  assert.equal(isServiceFirst(KEPT, undefined), false);
  assert.equal(isServiceFirst(KEPT, { ...KEPT, inside: undefined }), false);
});
