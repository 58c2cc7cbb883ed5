// A map of the eBPF backend that is full, in a whole agent: what fits is carried, what does not is named wherever one asks, nothing that
// stands is lost, also not when the agent begins anew, and room that comes is used.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ServiceReceipt } from '../../src/agent/service-receipt.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { connectAllTheTime, fetchAsPod } from '../support/node-traffic.ts';
import { ownName } from '../support/own-name.ts';
import { ENDPOINTS, READY_MS, ServiceRig, WEB } from '../support/service-rig.ts';

const PREFIX = ownName('full');
const ROOM = 64;
const SERVICES = 30;
/** Of the many, beside the one endpoint that stands. */
const FITTING = Math.floor((ROOM - 1) / ENDPOINTS);
const ANSWER_MS = 5_000;

const lifetime = new Lifetime('test');
const rig = new ServiceRig(
  { prefix: PREFIX, backend: 'ebpf', config: { mapLimits: { endpoints: ROOM } } },
  lifetime,
);
let clean: LeakSnapshot;

before(async () => {
  clean = await takeSnapshot({ prefix: PREFIX });
  await rig.start();
});
after(async () => {
  await lifetime.close();
  await assertNoLeaks(clean, { prefix: PREFIX });
});

async function failing(): Promise<readonly string[]> {
  const { engine } = await rig.node.status();
  const target = engine.targets.find((it) => it.name === 'service-ebpf');
  return (target?.failures ?? []).map((it) => `${it.key} ${it.error}`);
}

async function receiptOf(name: string): Promise<ServiceReceipt['frontends'][number] | undefined> {
  const { body } = await rig.node.ask(`/service?namespace=default&name=${name}`);
  return (JSON.parse(body) as ServiceReceipt).frontends[0];
}

async function metric(line: string): Promise<number> {
  const { body } = await rig.node.ask('/metrics');
  const found = body.split('\n').find((it) => it.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? NaN);
}

/** The Services whose receipt says that they do not fit. */
async function namesThatFail(): Promise<readonly string[]> {
  const names = Array.from({ length: SERVICES }, (_, at) => `s${at}`);
  const receipts = await Promise.all(names.map(receiptOf));
  return names.filter((_, at) => receipts[at]?.state === 'error');
}

/** Ends with the test, whatever happens in between. */
function startTraffic(): ReturnType<typeof connectAllTheTime> {
  const traffic = connectAllTheTime(rig.node, WEB.ip, ANSWER_MS);
  lifetime.defer('traffic', async () => void (await traffic.end()));
  return traffic;
}

async function isFull(): Promise<void> {
  await eventually(async () => assert.equal((await failing()).length, SERVICES - FITTING), READY_MS);
}

test('a full map: what does not fit is named by status, metrics and the Service’s receipt, and what stands is not touched', async () => {
  const traffic = startTraffic();
  rig.putMany(0, SERVICES);
  await isFull();
  for (const failure of await failing())
    assert.match(
      failure,
      /^10\.96\.1\.\d+:80\/TCP Cannot write frontend 10\.96\.1\.\d+:80\/TCP: .*BPF map endpoints: the map is full, it holds 64 entries/,
    );
  const { isReady, waitingFor } = await rig.node.status();
  assert.equal(isReady, false);
  assert.match(
    waitingFor.join('\n'),
    /service-ebpf: Cannot write frontend .*BPF map endpoints: the map is full/,
  );
  assert.equal(await metric('fairlead_bpf_map_limit_entries{map="endpoints"}'), ROOM);
  await eventually(async () => {
    assert.equal(await metric('fairlead_bpf_map_entries{map="endpoints"}'), FITTING * ENDPOINTS + 1);
    const { crowdedMaps } = await rig.node.status();
    assert.deepEqual(crowdedMaps, ['BPF map endpoints is nearly full: 64 of 64 entries']);
  }, READY_MS);
  const [name = ''] = await namesThatFail();
  const receipt = await receiptOf(name);
  assert.match(receipt?.failure?.error ?? '', /BPF map endpoints: the map is full, it holds 64 entries/);
  // Its endpoints came after its address: that stands as it was, and refuses.
  assert.deepEqual(receipt?.lines, [`replace frontend ${receipt?.key} refuse`]);
  const { worked, failures } = await traffic.end();
  assert.deepEqual(failures, []);
  assert.ok(worked > 0);
});

test('a full map: an agent that begins anew keeps what stood', async () => {
  const failed = await namesThatFail();
  assert.equal(failed.length, SERVICES - FITTING);
  const traffic = startTraffic();
  await rig.kill();
  rig.startAgent();
  await isFull();
  assert.deepEqual(await namesThatFail(), failed);
  const { failures } = await traffic.end();
  assert.deepEqual(failures, []);
});

test('a full map: where Services go, those that did not fit take their room', async () => {
  const failed = await namesThatFail();
  const standing = Array.from({ length: SERVICES }, (_, at) => at).filter((at) => !failed.includes(`s${at}`));
  for (const at of standing.slice(0, failed.length)) rig.deleteMany(at, at + 1);
  await rig.isReady();
  await rig.isSettled();
  assert.deepEqual(await failing(), []);
  const state = (await receiptOf(failed[0] ?? ''))?.state;
  assert.equal(state, 'done');
  assert.equal(await fetchAsPod(rig.node, WEB.ip, 80, 'x'), 'x');
});
