import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type Clock } from '../../base/clock.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { LEASES, NODES } from '../../kube/resource.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { FakeKubeApi } from '../../../test/support/fake-kube-api.ts';
import type { KubeletNode } from './kubelet-config.ts';
import { NodeKeeper } from './node-keeper.ts';

/** The fields that the keeper reads. */
const NODE = { name: 'n1', ips: ['10.89.0.10'], labels: {}, zone: undefined } as unknown as KubeletNode;

test('NodeKeeper makes the node, and makes good what others did to it: taken for silent, deleted', async () => {
  const api = new FakeKubeApi();
  const client = new KubeClient(await api.start());
  const abort = new AbortController();
  // Ten seconds between heartbeats are ten milliseconds here.
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms / 1000, signal),
  };
  const keeper = new NodeKeeper({
    client,
    clock,
    nodes: [NODE],
    podCapacity: 10,
    isReady: () => true,
    log: () => undefined,
  });
  const running = keeper.run(abort.signal);
  const ready = (): string | undefined =>
    api.all(NODES)[0]?.status?.conditions?.find((it) => it.type === 'Ready')?.status;
  try {
    await eventually(() => assert.equal(ready(), 'True'));
    assert.equal(api.all(LEASES)[0]?.metadata.name, 'n1');
    const status = { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] };
    await client.patch(NODES, { name: 'n1' }, { status }, { type: 'merge', subresource: 'status' });
    await eventually(() => assert.equal(ready(), 'True'));
    api.delete(NODES, 'n1');
    await eventually(() => assert.equal(ready(), 'True'));
  } finally {
    abort.abort();
    await running;
    client.close();
    await api.stop();
  }
});
