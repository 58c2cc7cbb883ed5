// A balancer before nodes that are sockets of this machine: what a node's drain does to requests.

import assert from 'node:assert/strict';
import { createServer, request, Agent, type Server } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { after, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { parsePort, type Port } from '../../base/port.ts';
import type { Node, Service } from '../../objects/api-types.ts';
import { balancedNodes } from './balanced-nodes.ts';
import { startBalancer, type Balancer } from './balancer.ts';
import type { BalancedNode } from './node-health.ts';

const lifetime = new Lifetime('test');
after(() => lifetime.close());

const HOST = '127.0.0.1';

interface FakeNode {
  readonly node: BalancedNode;
  /** What its health check says from now on. */
  setHealthy(isHealthy: boolean): void;
  /** As a node that is gone: nothing listens, every connection is reset. */
  stop(): Promise<void>;
}

async function serve(
  answer: () => { readonly code: number; readonly text: string },
): Promise<[Server, Port]> {
  const server = createServer((_request, response) => {
    const { code, text } = answer();
    // Slow enough for requests to be on their way at any moment.
    setTimeout(() => response.writeHead(code).end(text), 2);
  });
  lifetime.defer('server', () => void server.close());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return [server, parsePort(address.port)];
}

async function aNode(name: string): Promise<FakeNode> {
  const state = { isHealthy: true };
  const [traffic, port] = await serve(() => ({ code: 200, text: name }));
  const [, healthPort] = await serve(() => ({ code: state.isHealthy ? 200 : 503, text: '' }));
  return {
    node: { name, ip: parseIp(HOST), port, healthPort, healthPath: '/' },
    setHealthy: (isHealthy) => {
      state.isHealthy = isHealthy;
    },
    stop: () =>
      new Promise((resolve) => {
        traffic.close(() => resolve());
        traffic.closeAllConnections();
      }),
  };
}

function balance(nodes: readonly FakeNode[], changes: string[] = []): Promise<Balancer> {
  return startBalancer(
    {
      nodes: () => nodes.map(({ node }) => node),
      periodMs: 20,
      clock: systemClock,
      onChange: ({ name }, isHealthy, because) =>
        changes.push(`${name} ${isHealthy ? 'in' : 'out'} ${because}`),
      listen: { host: HOST, port: 0 },
    },
    lifetime,
  );
}

/** One request by a connection of its own, or by `agent`; the name of the node that answered. */
function ask(port: number, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: HOST, port, agent: agent ?? false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => resolve(text));
    })
      .once('error', reject)
      .end();
  });
}

test('startBalancer() spreads connections over the nodes, and counts them', async () => {
  const nodes = [await aNode('a'), await aNode('b')];
  const { port, report } = await balance(nodes);
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(port)));
  assert.deepEqual(answers.toSorted(), ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b']);
  assert.deepEqual(report().connections, { a: 5, b: 5 });
});

test('a node that drains loses no request: new connections go elsewhere, open ones end by themselves', async () => {
  const [leaving, staying] = [await aNode('leaving'), await aNode('staying')];
  const changes: string[] = [];
  const { port, round } = await balance([leaving, staying], changes);
  const load = { isOn: true, answers: [] as string[], failures: [] as string[] };
  const clients = Array.from({ length: 8 }, async () => {
    while (load.isOn)
      await ask(port).then(
        (it) => load.answers.push(it),
        (error: Error) => load.failures.push(error.message),
      );
  });
  await systemClock.sleep(100);
  leaving.setHealthy(false);
  // The node serves until its last endpoint's grace is over, longer than the balancer needs to hear of it.
  await systemClock.sleep(200);
  await round();
  await leaving.stop();
  const before = load.answers.length;
  await systemClock.sleep(100);
  load.isOn = false;
  await Promise.all(clients);
  assert.deepEqual(load.failures, []);
  assert.ok(load.answers.includes('leaving'));
  assert.ok(load.answers.length > before);
  assert.ok(load.answers.slice(before).every((it) => it === 'staying'));
  assert.deepEqual(changes.toSorted(), ['leaving in 200', 'leaving out 503', 'staying in 200']);
});

test('a connection that is open stays with its node while that drains', async () => {
  const [leaving, staying] = [await aNode('leaving'), await aNode('staying')];
  const { port, round } = await balance([leaving]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal(await ask(port, agent), 'leaving');
  leaving.setHealthy(false);
  staying.setHealthy(true);
  await round();
  assert.equal(await ask(port, agent), 'leaving');
  agent.destroy();
});

test('a node that is gone before its health check says so costs no request', async () => {
  const [gone, there] = [await aNode('gone'), await aNode('there')];
  const { port } = await balance([gone, there]);
  await gone.stop();
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(port)));
  assert.deepEqual(new Set(answers), new Set(['there']));
});

test('where no node is healthy, connections are reset and counted', async () => {
  const sick = await aNode('sick');
  sick.setHealthy(false);
  const { port, report } = await balance([sick]);
  await assert.rejects(ask(port), { code: 'ECONNRESET' });
  assert.deepEqual([report().refused, report().connections], [1, {}]);
});

test('a client that has said all still hears the answer', async () => {
  const { node } = await aNode('a');
  const echo = createNetServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  lifetime.defer('echo', () => void echo.close());
  await new Promise<void>((resolve) => echo.listen(0, HOST, resolve));
  const address = echo.address();
  assert.ok(typeof address === 'object' && address !== null);
  const port = parsePort(address.port);
  const balancer = await balance([{ node: { ...node, port }, setHealthy: () => {}, stop: async () => {} }]);
  const heard = await new Promise<string>((resolve) => {
    const socket = connect({ port: balancer.port, host: HOST, allowHalfOpen: true }, () =>
      socket.end('words'),
    );
    let text = '';
    socket.on('data', (part) => (text += part.toString()));
    socket.on('close', () => resolve(text));
  });
  assert.equal(heard, 'words');
});

function aService(spec: object): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'web' }, spec } as Service;
}

const NODES = [
  {
    metadata: { name: 'node-1' },
    status: { addresses: [{ type: 'InternalIP', address: '10.89.0.10' }] },
  },
] as unknown as readonly Node[];

test("balancedNodes() asks the Service's own health check, or the node where any may carry it", () => {
  const ports = [
    { port: 53, protocol: 'UDP', nodePort: 30053 },
    { port: 80, nodePort: 30080 },
  ];
  const local = balancedNodes(aService({ ports, healthCheckNodePort: 31000 }), NODES, undefined);
  assert.deepEqual(local, [
    { name: 'node-1', ip: '10.89.0.10', port: 30080, healthPort: 31000, healthPath: '/' },
  ]);
  const [any] = balancedNodes(aService({ ports }), NODES, 80);
  assert.deepEqual([any?.healthPort, any?.healthPath], [10256, '/healthz']);
});

test('balancedNodes() refuses a Service that nodes have no port for', () => {
  assert.throws(() => balancedNodes(aService({ ports: [{ port: 80 }] }), NODES, undefined), {
    code: 'invalid',
    message: 'Cannot balance Service shop/web: it has no TCP port with a node port',
  });
});
