import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { parsePort, type Port } from '../base/port.ts';
import type { NodeView } from '../model/network.ts';
import { parseNode } from '../objects/node.ts';
import { answerOf, renderHealthDoors, type HealthDoor } from './health-answer.ts';
import { healthTarget } from './health-target.ts';

const lifetime = new Lifetime('test');
after(() => lifetime.close());

const IP = parseIp('127.0.0.1');

function aDoor(port: Port, localEndpoints: number, isDraining = false): HealthDoor {
  const check = { namespace: 'shop', service: 'web', localEndpoints };
  return { kind: 'service', at: { ip: IP, port }, check, isDraining };
}

function freePort(): Promise<Port> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, IP, () => {
      const address = server.address();
      server.close(() => resolve(parsePort(typeof address === 'object' ? address?.port : 0)));
    });
  });
}

function view(): NodeView {
  const port = parsePort(31000);
  return {
    node: {
      name: 'a',
      addresses: [parseIp('10.89.0.10'), parseIp('fd00:10:89::a'), parseIp('192.0.2.1')],
      podCidrs: [],
      labels: new Map(),
    },
    peers: [],
    pods: [],
    frontends: new Map(),
    healthChecks: new Map([[port, { namespace: 'shop', service: 'web', localEndpoints: 2 }]]),
    cluster: {
      podCidrs: [],
      serviceCidrs: [],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
}

test('renderHealthDoors() answers for Services where node ports are served, for the node at all its addresses', () => {
  const doors = renderHealthDoors(view(), { isDraining: false, nodePort: parsePort(10256) });
  assert.deepEqual(
    [...doors.keys()],
    [
      '10.89.0.10:10256',
      '[fd00:10:89::a]:10256',
      '192.0.2.1:10256',
      '10.89.0.10:31000',
      '[fd00:10:89::a]:31000',
    ],
  );
  assert.equal(renderHealthDoors(view(), { isDraining: false, nodePort: undefined }).size, 2);
});

const PORT = parsePort(31000);
const ANSWERS = [
  { name: 'with endpoints', door: aDoor(PORT, 2), code: 200, weight: '2', isHealthy: true },
  { name: 'without endpoints', door: aDoor(PORT, 0), code: 503, weight: '0', isHealthy: true },
  { name: 'while it drains', door: aDoor(PORT, 2, true), code: 503, weight: '2', isHealthy: false },
];

for (const { name, door, code, weight, isHealthy } of ANSWERS) {
  test(`answerOf() says ${code} for a Service ${name}`, () => {
    const answer = answerOf(door, 0);
    assert.deepEqual([answer.code, answer.headers['x-load-balancing-endpoint-weight']], [code, weight]);
    assert.deepEqual(JSON.parse(answer.body), {
      service: { namespace: 'shop', name: 'web' },
      localEndpoints: Number(weight),
      serviceProxyHealthy: isHealthy,
    });
  });
}

test('answerOf() says of the node whether it may get traffic', () => {
  const at = { ip: IP, port: PORT };
  const well = answerOf({ kind: 'node', at, isDraining: false }, 0);
  const going = answerOf({ kind: 'node', at, isDraining: true }, 0);
  assert.deepEqual([well.code, going.code], [200, 503]);
  const time = '1970-01-01T00:00:00.000Z';
  assert.deepEqual(JSON.parse(going.body), { lastUpdated: time, currentTime: time, nodeEligible: false });
});

for (const [name, change, expected] of [
  ['no more than it is', {}, false],
  [
    'leaving with the taint of the autoscaler',
    { spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler' }] } },
    true,
  ],
  ['staying with other taints', { spec: { taints: [{ key: 'node.kubernetes.io/unschedulable' }] } }, false],
  [
    'leaving while it is deleted',
    { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } },
    true,
  ],
] as const) {
  test(`parseNode() takes a node for ${name}`, () => {
    assert.equal(parseNode({ metadata: { name: 'a' }, ...change }).isDraining, expected);
  });
}

test('healthTarget() opens, changes and closes its sockets', async () => {
  const target = healthTarget(systemClock, lifetime);
  const port = await freePort();
  const key = `${IP}:${port}`;
  const url = `http://${key}/`;
  const { signal } = lifetime;
  assert.equal((await target.update(new Map([[key, aDoor(port, 1)]]), signal, new Map())).size, 0);
  assert.equal((await fetch(url)).status, 200);
  await target.update(new Map([[key, aDoor(port, 0)]]), signal, new Map());
  const none = await fetch(url);
  assert.deepEqual([none.status, none.headers.get('x-load-balancing-endpoint-weight')], [503, '0']);
  assert.deepEqual([...(await target.observe(signal))], [[key, aDoor(port, 0)]]);
  await target.delete(new Map([[key, aDoor(port, 0)]]), signal);
  await assert.rejects(fetch(url));
  assert.equal((await target.observe(signal)).size, 0);
});

test('healthTarget() names a port that somebody else has, and takes it once it is free', async () => {
  const target = healthTarget(systemClock, lifetime);
  const port = await freePort();
  const rival = createServer();
  await new Promise<void>((resolve) => rival.listen(port, IP, resolve));
  const entries = new Map([[`${IP}:${port}`, aDoor(port, 1)]]);
  const failures = await target.update(entries, lifetime.signal, new Map());
  assert.match(String(failures.get(`${IP}:${port}`)), /Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  await new Promise((resolve) => rival.close(resolve));
  assert.equal((await target.update(entries, lifetime.signal, new Map())).size, 0);
  await target.delete(entries, lifetime.signal);
});

test('healthTarget() answers for the node under /healthz alone', async () => {
  const target = healthTarget(systemClock, lifetime);
  const port = await freePort();
  const door: HealthDoor = { kind: 'node', at: { ip: IP, port }, isDraining: false };
  const entries = new Map([['node', door]]);
  await target.update(entries, lifetime.signal, new Map());
  const codes = [`/healthz`, `/`].map(async (path) => (await fetch(`http://${IP}:${port}${path}`)).status);
  assert.deepEqual(await Promise.all(codes), [200, 404]);
  await target.delete(entries, lifetime.signal);
});
