import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseIp } from '../base/ip.ts';
import { countFlows, openConntrack, type Conntrack } from './conntrack.ts';
import { openNetlink } from './netlink.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { applyNft } from './nft.ts';
import type { TrackedFlow } from '../wire/netlink/conntrack.ts';
import { bindUdp, listenTcp, openTcp } from './socket.ts';

const UDP = 17;

describe('connection tracking', () => {
  let netns: Netns;
  let conntrack: Conntrack;
  before(async () => {
    netns = anonymousNetns();
    const door = openNetlink(netns);
    await door.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
    door.close();
    // Flows are tracked only where a rule asks for it; packets to 127.0.0.9 are sent to 127.0.0.1 instead.
    await applyNft(
      `table inet t { chain out { type nat hook output priority -100
        ip daddr 127.0.0.9 dnat ip to 127.0.0.1
      }
      chain tracked { type filter hook output priority 0
        ct state new ct mark set 0x30000005
      }\n}\n`,
      { netns },
    );
    conntrack = openConntrack(netns);
  });
  after(() => {
    conntrack.close();
    netns.close();
  });

  const clients: dgram.Socket[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function send(host: string, to: string, port: number): Promise<dgram.Socket> {
    const type = host === '::1' ? 'udp6' : 'udp4';
    const [server, client] = [dgram.createSocket(type), dgram.createSocket(type)];
    server.bind({ fd: bindUdp(netns, { ip: parseIp(host), port }) });
    client.bind({ fd: bindUdp(netns, { ip: parseIp(host), port: 0 }) });
    client.send('x', port, to);
    await once(server, 'message');
    server.close();
    clients.push(client);
    return client;
  }

  for (const [host, port] of [
    ['127.0.0.1', 7001],
    ['::1', 7002],
  ] as const) {
    it(`lists and forgets a UDP flow by its tuple, ${host}`, async () => {
      const client = await send(host, host, port);
      const isOurs = (flow: { protocol: number; original: { destinationPort: number } }): boolean =>
        flow.protocol === UDP && flow.original.destinationPort === port;
      const [flow, ...rest] = await conntrack.list(isOurs);
      assert.deepEqual(rest, []);
      const sourcePort = client.address().port;
      const ip = parseIp(host);
      assert.deepEqual(flow?.original, { source: ip, destination: ip, sourcePort, destinationPort: port });
      assert.deepEqual(flow.reply, {
        source: ip,
        destination: ip,
        sourcePort: port,
        destinationPort: sourcePort,
      });
      assert.ok(flow.timeoutS > 0 && flow.timeoutS <= 180);
      assert.deepEqual([flow.isAnswered, flow.isAssured, flow.isTakenUp], [false, false, false]);
      assert.equal(await conntrack.forget(isOurs), 1);
      assert.equal(await conntrack.forget(isOurs), 0);
      assert.deepEqual(await conntrack.list(isOurs), []);
    });
  }

  it('a translated flow shows its true endpoint in the reply', async () => {
    await send('127.0.0.1', '127.0.0.9', 7003);
    const [flow] = await conntrack.list((it) => it.original.destinationPort === 7003);
    assert.deepEqual([flow?.original.destination, flow?.reply.source], ['127.0.0.9', '127.0.0.1']);
    assert.equal(
      await conntrack.forget((it) => it.reply.source === '127.0.0.1' && it.reply.sourcePort === 7003),
      1,
    );
  });

  for (const [host, port] of [
    ['127.0.0.1', 7005],
    ['::1', 7006],
  ] as const) {
    it(`bits of marks are changed, others stay, ${host}`, async () => {
      await send(host, host, port);
      const isOurs = (flow: { original: { destinationPort: number } }): boolean =>
        flow.original.destinationPort === port;
      const marks = async (): Promise<readonly number[]> =>
        (await conntrack.list(isOurs)).map(({ mark }) => mark);
      assert.deepEqual(await marks(), [0x3000_0005]);
      await conntrack.changeMarks((it) => (isOurs(it) ? { mask: 0x1000_0001, value: 0 } : undefined));
      assert.deepEqual(await marks(), [0x2000_0004]);
      await conntrack.changeMarks(() => undefined);
      assert.deepEqual(await marks(), [0x2000_0004]);
      await conntrack.changeMarks((it) =>
        isOurs(it) ? { mask: 0x8000_0006, value: 0x8000_0002 } : undefined,
      );
      assert.deepEqual(await marks(), [0xa000_0002]);
    });
  }

  it('TCP that shook hands is assured, one that is tracked from its middle on is taken up', async () => {
    const server = net.createServer((socket) => socket.pipe(socket));
    const fd = listenTcp(netns, { ip: parseIp('127.0.0.1'), port: 7007 });
    await new Promise<void>((resolve) => server.listen({ fd }, resolve));
    const client = new net.Socket({ fd: openTcp(netns, 4) });
    const isOurs = ({ original, reply }: TrackedFlow): boolean =>
      original.destinationPort === 7007 || reply.destinationPort === 7007;
    const echo = async (): Promise<readonly boolean[] | undefined> => {
      client.write('x');
      await once(client, 'data');
      const [flow] = await conntrack.list(isOurs);
      return flow && [flow.isAnswered, flow.isAssured, flow.isTakenUp];
    };
    client.connect({ host: '127.0.0.1', port: 7007 });
    assert.deepEqual(await echo(), [true, true, false]);
    assert.equal(await conntrack.forget(isOurs), 1);
    const again = await echo();
    assert.deepEqual(again?.at(-1), true);
    client.destroy();
    server.close();
  });

  it('flows are counted by namespace', async () => {
    await send('127.0.0.1', '127.0.0.1', 7004);
    assert.equal(countFlows(netns), (await conntrack.list(() => true)).length);
    const empty = anonymousNetns();
    assert.equal(countFlows(empty), 0);
    empty.close();
  });

  it('a closed door refuses', async () => {
    const own = openConntrack(netns);
    own.close();
    await assert.rejects(
      own.list(() => true),
      (error) => hasCode(error, 'aborted'),
    );
  });
});
