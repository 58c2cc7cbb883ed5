import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { aFakeIpvsKernel, type FakeIpvsKernel } from '../../../test/support/fake-ipvs-kernel.ts';
import { baseTarget } from './base-target.ts';
import { strayTarget } from './stray-services.ts';
import { FIRST_SERVICE_MARK, MASQUERADE_BIT } from './table.ts';

const SIGNAL = new AbortController().signal;
const KNOWN = FIRST_SERVICE_MARK + 6;
const STRAY = (FIRST_SERVICE_MARK + 7) | MASQUERADE_BIT;
const OTHERS = 7;
const IP = parseIp('10.244.1.2');
const STRAY_KEY = `mark ${STRAY} of IPv4`;

/** With services of three marks, of which the table names one. */
async function aKernel(): Promise<FakeIpvsKernel> {
  const fake = await aFakeIpvsKernel();
  const { ipvs, table } = fake.kernel;
  for (const mark of [KNOWN, STRAY, OTHERS]) {
    const key = { kind: 'mark', family: 4, mark } as const;
    const destination = { ip: IP, port: parsePort(8080), weight: 1 };
    ipvs.apply([
      { kind: 'service', verb: 'add', service: { key, scheduler: 'rr', persistenceS: 0 } },
      { kind: 'destination', verb: 'add', key, destination },
    ]);
  }
  table.change([{ remove: [], add: [`marks4 10.96.0.5 . tcp . 80 : ${KNOWN}`] }]);
  return fake;
}

test('a service of a mark of ours that no element names goes; others stay', async () => {
  const { kernel, ipvs } = await aKernel();
  const target = strayTarget(kernel);
  const strays = await target.observe(SIGNAL);
  assert.deepEqual([...strays.keys()], [STRAY_KEY]);
  assert.deepEqual(await target.delete(strays, SIGNAL), new Map());
  assert.deepEqual([...ipvs.held.keys()], [`mark ${KNOWN} of IPv4`, `mark ${OTHERS} of IPv4`]);
});

test('a stray service with connections drains, and the base stays as long', async () => {
  const { kernel, ipvs } = await aKernel();
  const target = strayTarget(kernel);
  ipvs.connections.set(IP, 1);
  const strays = await target.observe(SIGNAL);
  assert.ok(hasCode((await target.delete(strays, SIGNAL)).get(STRAY_KEY), 'draining'));
  assert.deepEqual([...ipvs.held.get(STRAY_KEY)!.to.values()].map((it) => it.weight), [0]); // prettier-ignore
  const base = baseTarget(kernel);
  const device = new Map([['device', { kind: 'device', isUp: true } as const]]);
  assert.ok(hasCode((await base.delete(device, SIGNAL)).get('device'), 'draining'));
  ipvs.connections.clear();
  assert.deepEqual(await target.delete(await target.observe(SIGNAL), SIGNAL), new Map());
  assert.deepEqual(await base.delete(device, SIGNAL), new Map());
});

test('without the table nobody knows whose a mark is', async () => {
  const { kernel, tables } = await aKernel();
  tables.chains = [];
  assert.deepEqual(await strayTarget(kernel).observe(SIGNAL), new Map());
});
