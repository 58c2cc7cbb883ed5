// A Gateway's UDP listeners on the real kernel: a client, endpoints and the pod's namespace between them, with links of their own.

import assert from 'node:assert/strict';
import type dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { familyOf, parseIp, type Family } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { GatewayCompiler } from '../../src/compile/gateway/gateway-compiler.ts';
import { openUdpKernel, UdpPlane } from '../../src/gateway/udp-plane.ts';
import { UDP_TABLE } from '../../src/gateway/udp-table.ts';
import type { ProxyBackend, ProxyModel, UdpPort } from '../../src/model/gateway.ts';
import { route } from '../../src/oracle/route.ts';
import type { RouteAnswer } from '../../src/oracle/route-objects.ts';
import { applyNft, deleteNftTable, listNftTable, listNftTables } from '../../src/sys/nft.ts';
import { openNfTables } from '../../src/sys/nf-tables.ts';
import { anyGatewayCase } from '../states/arbitrary-gateway-request.ts';
import { makeTestPair, tablesOf } from '../support/gateway-tables.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aModel, aRule } from '../support/proxy-models.ts';
import { SILENCE_MS } from '../support/time-scale.ts';
import { ask, CLIENT, GATEWAY, openUdpWorld, type UdpWorld } from '../support/udp-world.ts';

const SCOPE = { prefix: ownName('udp') };
const SERVERS = { one: '10.76.1.1', two: '10.76.1.2', six: 'fd76:1::1', seven: 'fd76:1::2' } as const;
type ServerName = keyof typeof SERVERS;
/** Of random Gateways. */
const RANDOM_ENDS = ['10.1.1.1', '10.1.1.2', '10.1.1.3', 'fd01::1', 'fd01::2'] as const;
/** That the world takes the pod for the way to. */
const ELSEWHERE = '10.76.2.1';
const WATCH = { family: 'inet', name: 'watch' } as const;
const SERVER_PORT = 5353;
const DNS = 53;
const SURE = 54;

describe('UDP of a Gateway', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let world: UdpWorld;
  let plane: UdpPlane;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    world = await openUdpWorld(
      { ends: [...Object.values(SERVERS), ...RANDOM_ENDS], elsewhere: ELSEWHERE },
      lifetime,
    );
    for (const [name, ip] of Object.entries(SERVERS)) serve(name, ip, SERVER_PORT);
    plane = new UdpPlane(openUdpKernel(lifetime, world.pod), assert.fail);
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  /** Answers with its name, and whom it sees. */
  function serve(name: string, ip: string, port: number): void {
    const socket = world.open(ip, port);
    socket.on('message', (_text, from) => socket.send(`${name} ${from.address}`, from.port, from.address));
  }

  const open = (ip: string): dgram.Socket => world.open(ip);

  async function assertAnswers(
    client: dgram.Socket,
    family: 0 | 1,
    name: ServerName,
    port = DNS,
  ): Promise<void> {
    assert.equal(await ask(client, GATEWAY[family], port), `${name} ${GATEWAY[family]}`);
  }

  async function assertSilence(client: dgram.Socket, to: string): Promise<void> {
    assert.equal(await ask(client, to, DNS, SILENCE_MS), undefined);
  }

  /** How often each answers `count` flows of one datagram. */
  async function counts(count: number): Promise<Readonly<Record<string, number>>> {
    const seen: Record<string, number> = { one: 0, two: 0 };
    for (let i = 0; i < count; i++) {
      const client = open(CLIENT[0]);
      client.on('message', (text) => {
        const [name = ''] = String(text).split(' ');
        seen[name] = (seen[name] ?? 0) + 1;
      });
      client.send('who', DNS, GATEWAY[0]);
    }
    // Who comes after all of them has his answer after all of theirs.
    await assertAnswers(open(CLIENT[0]), 0, 'two', SURE);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return seen;
  }

  /** What a client is told that goes on asking: the kernel says so once a second at most. */
  async function refusal(): Promise<string | undefined> {
    const client = open(CLIENT[0]);
    const refused = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    client.connect(DNS, GATEWAY[0]);
    await once(client, 'connect');
    const asking = setInterval(() => client.send('who'), 50);
    const { code } = await refused.finally(() => clearInterval(asking));
    client.on('error', () => undefined);
    return code;
  }

  const lead = async (model: ProxyModel): Promise<void> => assert.equal(await plane.lead(model), undefined);

  test('answers come by the pod’s own address, in either family', async () => {
    await lead(udpModel({ a: ['one', 'six'] }, { a: 1 }));
    await assertAnswers(open(CLIENT[0]), 0, 'one');
    await assertAnswers(open(CLIENT[1]), 1, 'six');
  });

  test('weights share flows out, and who leads nowhere takes a share that nobody answers', async () => {
    await lead(udpModel({ a: ['one'], b: ['two'], none: [] }, { a: 6, b: 2, none: 2, '': 2, zero: 0 }));
    const { one = 0, two = 0, ...others } = await counts(360);
    assert.deepEqual(others, {});
    // 180, 60 and 120 are meant; five deviations are not met by chance.
    assert.ok(one > 130 && one < 230, `${one} of 180`);
    assert.ok(two > 25 && two < 95, `${two} of 60`);
    assert.ok(one + two > 190 && one + two < 290, `${one + two} of 240`);
  });

  test('the endpoints of a backend are chosen alike', async () => {
    await lead(udpModel({ a: ['one', 'two', 'six'] }, { a: 1 }));
    const { one = 0, two = 0 } = await counts(200);
    assert.equal(one + two, 200);
    assert.ok(one > 60 && one < 140, `${one} of 100`);
  });

  test('a backend of the other family is no answer, and the client of a port without a route is refused', async () => {
    await lead(udpModel({ a: ['six'] }, { a: 1 }));
    await assertSilence(open(CLIENT[0]), GATEWAY[0]);
    await assertAnswers(open(CLIENT[1]), 1, 'six');
    await lead(aModel({ ports: [], udpPorts: [{ ...aPort(DNS), target: undefined }] }));
    assert.equal(await refusal(), 'ECONNREFUSED');
  });

  test('a flow stays where it is until its endpoint goes, and goes on with another one', async () => {
    for (const [at, from, to] of [
      [0, 'one', 'two'],
      [1, 'six', 'seven'],
    ] as const) {
      const client = open(CLIENT[at]);
      await lead(udpModel({ a: [from] }, { a: 1 }));
      await assertAnswers(client, at, from);
      await lead(udpModel({ a: [from], b: [to] }, { a: 1, b: 1_000_000 }));
      for (let i = 0; i < 5; i++) await assertAnswers(client, at, from);
      await lead(udpModel({ a: [from], b: [to] }, { a: 0, b: 1 }));
      await assertAnswers(client, at, to);
      await lead(udpModel({ a: [], b: [to] }, { a: 1, b: 0 }));
      await assertSilence(client, GATEWAY[at]);
    }
  });

  test('a client that sent before there was a route is led with the next datagram', async () => {
    const client = open(CLIENT[0]);
    await lead(aModel({ ports: [], udpPorts: [{ ...aPort(DNS), target: undefined }] }));
    await assertSilence(client, GATEWAY[0]);
    await lead(udpModel({ a: ['one'] }, { a: 1 }));
    await assertAnswers(client, 0, 'one');
  });

  test('a control that starts anew changes nothing where nothing is to be changed, and mends what was taken away', async () => {
    const door = openNfTables(world.pod);
    try {
      const model = udpModel({ a: ['one'] }, { a: 1 });
      await lead(model);
      const generation = door.generation();
      const own = new Lifetime('another control');
      const other = new UdpPlane(openUdpKernel(own, world.pod), assert.fail);
      assert.equal(await other.lead(model), undefined);
      assert.equal(door.generation(), generation);
      await applyNft(`flush chain inet ${UDP_TABLE.name} prerouting\n`, { netns: world.pod });
      await assertSilence(open(CLIENT[0]), GATEWAY[0]);
      assert.equal(await other.lead(model), undefined);
      await assertAnswers(open(CLIENT[0]), 0, 'one');
      await own.close();
    } finally {
      door.close();
    }
  });

  test('the pod is nobody’s router', async () => {
    await lead(udpModel({ a: ['one'] }, { a: 1 }));
    const client = open(CLIENT[0]);
    const watched = [ELSEWHERE, SERVERS.one].map((it) => `ip daddr ${it} counter`).join('; ');
    const hook = 'type filter hook postrouting priority 300';
    await applyNft(`table inet watch { chain out { ${hook}; ${watched}; }; }\n`, { netns: world.pod });
    await assertAnswers(client, 0, 'one');
    await assertSilence(client, ELSEWHERE);
    const text = JSON.stringify(await listNftTable(WATCH, { netns: world.pod }));
    await deleteNftTable(WATCH, { netns: world.pod });
    assert.deepEqual(
      [...text.matchAll(/"packets":(\d+)/g)].map((it) => it[1]),
      ['0', '1'],
    );
  });

  test('random Gateways lead where the oracle says', async () => {
    const pair = await makeTestPair();
    for (const ip of RANDOM_ENDS) serve(ip, ip, 3000);
    const place = { node: { name: 'n', zone: undefined } };
    const seen = new Set<string>();
    // Most Gateways have no UDP at all.
    const udpCases = anyGatewayCase.filter(
      ({ objects, request }) => request.transport === 'UDP' && route(objects, request).kind === 'stream',
    );
    const property = fc.asyncProperty(
      udpCases,
      fc.constantFrom(0, 1),
      async ({ objects, request }, family) => {
        const compiled = new GatewayCompiler('infra/gw').compile(tablesOf(objects, pair), place);
        assert.ok(compiled);
        await lead(compiled.model);
        const ends = endsOf(route(objects, request), family === 0 ? 4 : 6);
        const wait = ends.includes('nobody') ? SILENCE_MS : undefined;
        const answer = await ask(open(CLIENT[family]), GATEWAY[family], request.port, wait);
        const [end = 'nobody'] = answer?.split(' ') ?? [];
        assert.ok(ends.includes(end), `${end} is none of ${ends.join()}`);
        seen.add(end);
      },
    );
    await fc.assert(property, { numRuns: 10, seed: 5 });
    assert.ok(seen.size > 1, [...seen].join());
  });

  test('without a UDP listener nothing of it is left', async () => {
    await lead(aModel({ ports: [] }));
    assert.deepEqual(await listNftTables({ netns: world.pod }), []);
    await assertSilence(open(CLIENT[0]), GATEWAY[0]);
  });
});

/** Addresses of a family that may answer, or "nobody". */
function endsOf(answer: RouteAnswer, family: Family): readonly string[] {
  if (answer.kind !== 'stream') return ['nobody'];
  const ends = answer.choices.flatMap(({ outcome }) => {
    const all =
      outcome.kind === 'refused' ? [] : outcome.backend.endpoints.map((it) => it.split(' ')[0] ?? '');
    const own = all.filter((it) => familyOf(parseIp(it)) === family);
    return own.length === 0 ? ['nobody'] : own;
  });
  return [...new Set(ends)];
}

function aPort(port: number): Omit<UdpPort, 'target'> {
  return { port: parsePort(port), id: `test/gateway/${port}`, hostname: undefined };
}

/** Port 53 by these backends and weights; port 54 leads to `two` alone. */
function udpModel(
  servers: Readonly<Record<string, readonly ServerName[]>>,
  weights: Readonly<Record<string, number>>,
): ProxyModel {
  const port = (number: number, backends: Readonly<Record<string, number>>): UdpPort => ({
    ...aPort(number),
    target: { id: `UDPRoute/test/${number}/0`, backends: aRule('', backends).backends },
  });
  const backend = (id: string, names: readonly ServerName[]): ProxyBackend =>
    aBackend(
      id,
      names.map((it) => ({ ip: parseIp(SERVERS[it]), port: parsePort(SERVER_PORT) })),
      { protocol: 'udp' },
    );
  return aModel({
    ports: [],
    udpPorts: [port(DNS, weights), port(SURE, { sure: 1 })],
    backends: Object.entries({ ...servers, sure: ['two'] as const }).map(([id, names]) => backend(id, names)),
  });
}
