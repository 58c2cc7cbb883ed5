import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLOW_REST } from '../../test/support/tracked-flow.ts';
import { parseIp } from '../base/ip.ts';
import type { TrackedFlow } from '../wire/netlink/conntrack.ts';
import { seenConnections } from './seen-connections.ts';

const POD = parseIp('10.244.0.2');
const OTHER = parseIp('10.244.1.3');
const VIP = parseIp('10.96.0.5');
const NODE = parseIp('192.0.2.1');
const TCP = 6;
const UDP = 17;

/** From the pod to another one behind a Service, hidden behind its node. */
function aFlow(over: Partial<TrackedFlow> = {}): TrackedFlow {
  return {
    family: 4,
    protocol: TCP,
    original: { source: POD, sourcePort: 40_000, destination: VIP, destinationPort: 80 },
    reply: { source: OTHER, sourcePort: 8080, destination: NODE, destinationPort: 50_000 },
    ...FLOW_REST,
    isAssured: true,
    ...over,
  };
}

function seen(flows: readonly TrackedFlow[], bounds = { connections: 10, flows: 10 }) {
  const list = (filter: (flow: TrackedFlow) => boolean) => Promise.resolve(flows.filter(filter));
  return seenConnections({ list }, new Set([POD]), bounds);
}

test('seenConnections() tells the first source, the last destination and its port', async () => {
  assert.deepEqual(await seen([aFlow()]), {
    connections: [
      {
        source: POD,
        destination: OTHER,
        protocol: 'TCP',
        port: 8080,
        isAnswered: true,
        sourcePorts: [40_000],
      },
    ],
    leftOut: 0,
  });
});

const BACK = { source: VIP, sourcePort: 80, destination: POD, destinationPort: 40_000 };

for (const row of [
  { name: 'an established one', flow: aFlow(), count: 1 },
  { name: 'one that both sides have closed', flow: aFlow({ isOver: true }), count: 1 },
  { name: 'an attempt', flow: aFlow({ isAnswered: false, isAssured: false }), count: 0 },
  { name: 'a handshake that came to nothing', flow: aFlow({ isAssured: false }), count: 0 },
  { name: 'one that policies deny', flow: aFlow({ mark: 0x1000_0000 }), count: 0 },
  { name: 'one with marks of Services', flow: aFlow({ mark: 0x6000_0000 }), count: 1 },
  { name: 'one that was there before it was tracked', flow: aFlow({ isTakenUp: true }), count: 0 },
  { name: 'one of another zone', flow: aFlow({ zone: 3 }), count: 0 },
  { name: 'datagrams', flow: aFlow({ protocol: UDP, isAssured: false }), count: 1 },
  { name: 'ICMP', flow: aFlow({ protocol: 1 }), count: 0 },
  {
    name: 'a pod by way of a Service with itself',
    flow: aFlow({ reply: { ...aFlow().reply, source: POD } }),
    count: 0,
  },
  {
    name: 'others',
    flow: aFlow({ original: { ...aFlow().original, source: NODE } }),
    count: 0,
  },
  {
    name: 'somebody to the pod',
    flow: aFlow({
      original: { source: NODE, sourcePort: 4, destination: POD, destinationPort: 80 },
      reply: { ...BACK, source: POD, destination: NODE },
    }),
    count: 1,
  },
])
  test(`seenConnections() ${row.count === 0 ? 'leaves aside' : 'takes'} ${row.name}`, async () => {
    assert.equal((await seen([row.flow])).connections.length, row.count);
  });

test('seenConnections() counts flows of a connection by their ports, and those for which it has no room', async () => {
  const from = (sourcePort: number, port = 8080): TrackedFlow =>
    aFlow({ original: { ...aFlow().original, sourcePort }, reply: { ...aFlow().reply, sourcePort: port } });
  const two = await seen([from(1), from(2, 9), from(3)], { connections: 1, flows: 10 });
  assert.deepEqual([two.connections.map((it) => it.sourcePorts), two.leftOut], [[[1, 3]], 1]);
  const one = await seen([from(1), from(2), from(3)], { connections: 9, flows: 1 });
  assert.deepEqual([one.connections.map((it) => it.sourcePorts), one.leftOut], [[[1]], 2]);
});

test('seenConnections() says that datagrams are answered where any of them is', async () => {
  const datagram = (sourcePort: number, isAnswered: boolean): TrackedFlow =>
    aFlow({ protocol: UDP, isAnswered, original: { ...aFlow().original, sourcePort } });
  const answered = async (...all: readonly boolean[]): Promise<unknown> =>
    (await seen(all.map((it, i) => datagram(i, it)))).connections[0]?.isAnswered;
  assert.deepEqual([await answered(false, true, false), await answered(false, false)], [true, false]);
});
