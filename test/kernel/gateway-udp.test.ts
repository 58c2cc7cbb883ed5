// A Gateway's UDP listeners on the real kernel: a client, endpoints and the pod's namespace between them, with links of their own.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { UDP_TABLE } from '../../src/gateway/udp-table.ts';
import { openUdpKernel, UdpPlane } from '../../src/gateway/udp-plane.ts';
import type { ProxyBackend, ProxyModel, UdpPort } from '../../src/model/gateway.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { anonymousNetns, type Netns } from '../../src/sys/netns.ts';
import { applyNft, deleteNftTable, listNftTable, listNftTables } from '../../src/sys/nft.ts';
import { openNfTables } from '../../src/sys/nf-tables.ts';
import { bindUdp } from '../../src/sys/socket.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aModel, aRule } from '../support/proxy-models.ts';
import { scaledMs } from '../support/time-scale.ts';

const SCOPE = { prefix: ownName('udp') };
const GATEWAY = ['10.76.0.2', 'fd76::2'] as const;
const CLIENT = ['10.76.0.1', 'fd76::1'] as const;
const SERVERS = { one: '10.76.1.1', two: '10.76.1.2', six: 'fd76:1::1', seven: 'fd76:1::2' } as const;
type ServerName = keyof typeof SERVERS;
/** That the world takes the pod for the way to. */
const ELSEWHERE = '10.76.2.1';
const WATCH = { family: 'inet', name: 'watch' } as const;
const SERVER_PORT = 5353;
const DNS = 53;
const SURE = 54;

describe('UDP of a Gateway', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let pod: Netns;
  let world: Netns;
  let plane: UdpPlane;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    pod = lifetime.own('pod', anonymousNetns(), (it) => it.close());
    world = lifetime.own('world', anonymousNetns(), (it) => it.close());
    await connect(pod, world);
    for (const name of Object.keys(SERVERS) as ServerName[]) serve(name);
    plane = new UdpPlane(openUdpKernel(lifetime, pod));
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  /** Answers with its name, and whom it sees. */
  function serve(name: ServerName): void {
    const socket = open(SERVERS[name], SERVER_PORT);
    socket.on('message', (_text, from) => socket.send(`${name} ${from.address}`, from.port, from.address));
  }

  function open(ip: string, port = 0): dgram.Socket {
    const socket = dgram.createSocket(ip.includes(':') ? 'udp6' : 'udp4');
    socket.bind({ fd: bindUdp(world, { ip: parseIp(ip), port }) });
    lifetime.defer(`socket of ${ip}`, () => void socket.close());
    return socket;
  }

  /** Who answers a datagram of this socket; undefined for nobody. */
  async function whoAnswers(client: dgram.Socket, to: string, port = DNS): Promise<string | undefined> {
    const signal = AbortSignal.timeout(scaledMs(250));
    const answer = once(client, 'message', { signal }).then(
      ([text]: readonly unknown[]) => String(text),
      () => undefined,
    );
    client.send('who', port, to);
    return answer;
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
    assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0], SURE), `two ${GATEWAY[0]}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return seen;
  }

  /** What a client is told that goes on asking: the kernel says so once a second at most. */
  async function refusal(): Promise<string | undefined> {
    const client = dgram.createSocket('udp4');
    client.bind({ fd: bindUdp(world, { ip: parseIp(CLIENT[0]), port: 0 }) });
    const refused = new Promise<NodeJS.ErrnoException>((resolve) => client.on('error', resolve));
    const asking = setInterval(() => client.send('who'), 50);
    client.connect(DNS, GATEWAY[0]);
    await once(client, 'connect');
    try {
      return (await refused).code;
    } finally {
      clearInterval(asking);
      client.close();
    }
  }

  const lead = async (model: ProxyModel): Promise<void> => assert.equal(await plane.lead(model), undefined);

  test('answers come by the pod’s own address, in either family', async () => {
    await lead(udpModel({ a: ['one', 'six'] }, { a: 1 }));
    assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0]), `one ${GATEWAY[0]}`);
    assert.equal(await whoAnswers(open(CLIENT[1]), GATEWAY[1]), `six ${GATEWAY[1]}`);
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
    assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0]), undefined);
    assert.equal(await whoAnswers(open(CLIENT[1]), GATEWAY[1]), `six ${GATEWAY[1]}`);
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
      assert.equal(await whoAnswers(client, GATEWAY[at]), `${from} ${GATEWAY[at]}`);
      await lead(udpModel({ a: [from], b: [to] }, { a: 1, b: 1_000_000 }));
      for (let i = 0; i < 5; i++)
        assert.equal(await whoAnswers(client, GATEWAY[at]), `${from} ${GATEWAY[at]}`);
      await lead(udpModel({ a: [from], b: [to] }, { a: 0, b: 1 }));
      assert.equal(await whoAnswers(client, GATEWAY[at]), `${to} ${GATEWAY[at]}`);
      await lead(udpModel({ a: [], b: [to] }, { a: 1, b: 0 }));
      assert.equal(await whoAnswers(client, GATEWAY[at]), undefined);
    }
  });

  test('a client that sent before there was a route is led with the next datagram', async () => {
    const client = open(CLIENT[0]);
    await lead(aModel({ ports: [], udpPorts: [{ ...aPort(DNS), target: undefined }] }));
    assert.equal(await whoAnswers(client, GATEWAY[0]), undefined);
    await lead(udpModel({ a: ['one'] }, { a: 1 }));
    assert.equal(await whoAnswers(client, GATEWAY[0]), `one ${GATEWAY[0]}`);
  });

  test('a control that starts anew changes nothing where nothing is to be changed, and mends what was taken away', async () => {
    const door = openNfTables(pod);
    try {
      const model = udpModel({ a: ['one'] }, { a: 1 });
      await lead(model);
      const generation = door.generation();
      const own = new Lifetime('another control');
      const other = new UdpPlane(openUdpKernel(own, pod));
      assert.equal(await other.lead(model), undefined);
      assert.equal(door.generation(), generation);
      await applyNft(`flush chain inet ${UDP_TABLE.name} prerouting\n`, { netns: pod });
      assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0]), undefined);
      assert.equal(await other.lead(model), undefined);
      assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0]), `one ${GATEWAY[0]}`);
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
    await applyNft(`table inet watch { chain out { ${hook}; ${watched}; }; }\n`, { netns: pod });
    assert.equal(await whoAnswers(client, GATEWAY[0]), `one ${GATEWAY[0]}`);
    assert.equal(await whoAnswers(client, ELSEWHERE), undefined);
    const text = JSON.stringify(await listNftTable(WATCH, { netns: pod }));
    await deleteNftTable(WATCH, { netns: pod });
    assert.deepEqual(
      [...text.matchAll(/"packets":(\d+)/g)].map((it) => it[1]),
      ['0', '1'],
    );
  });

  test('without a UDP listener nothing of it is left', async () => {
    await lead(aModel({ ports: [] }));
    assert.deepEqual(await listNftTables({ netns: pod }), []);
    assert.equal(await whoAnswers(open(CLIENT[0]), GATEWAY[0]), undefined);
  });
});

/** One link, as a pod has it: `eth0` with everything behind it. */
async function connect(pod: Netns, world: Netns): Promise<void> {
  const [inside, outside] = [openNetlink(pod), openNetlink(world)];
  try {
    const up = [{ kind: 'set-link', name: 'lo', isUp: true }] as const;
    const address = (link: string, ip: string) =>
      ({ kind: 'add-address', link, ip: parseIp(ip), prefixLength: ip.includes(':') ? 64 : 24 }) as const;
    await inside.apply([
      ...up,
      {
        kind: 'add-veth',
        name: 'eth0',
        mtuBytes: 1500,
        isUp: true,
        peer: { name: 'pod', mtuBytes: 1500, netns: world },
      },
      ...GATEWAY.map((ip) => address('eth0', ip)),
    ]);
    await outside.apply([
      ...up,
      { kind: 'set-link', name: 'pod', isUp: true },
      ...CLIENT.map((ip) => address('pod', ip)),
      ...Object.values(SERVERS).map((ip) => address('lo', ip)),
      {
        kind: 'replace-route',
        destination: parseCidr(`${ELSEWHERE}/32`),
        gateway: parseIp(GATEWAY[0]),
        link: 'pod',
      },
    ]);
    await inside.apply(
      CLIENT.map((ip) => ({
        kind: 'replace-route' as const,
        destination: parseCidr(ip.includes(':') ? '::/0' : '0.0.0.0/0'),
        gateway: parseIp(ip),
        link: 'eth0',
      })),
    );
  } finally {
    inside.close();
    outside.close();
  }
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
