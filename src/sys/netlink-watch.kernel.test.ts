import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlreadyExists, hasCode } from '../base/errors.ts';
import { parseIp } from '../base/ip.ts';
import type { LoggedPacket } from '../wire/netlink/nflog.ts';
import { watchLinks, watchNetlink, type NetlinkEvent } from './netlink-watch.ts';
import { openNetlink } from './netlink.ts';
import type { Netlink } from './netlink-types.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { openNflog } from './nflog.ts';
import { applyNft } from './nft.ts';
import { bindUdp } from './socket.ts';

let netns: Netns;
let door: Netlink;
before(async () => {
  netns = anonymousNetns();
  door = openNetlink(netns);
  await door.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
});
after(() => {
  door.close();
  netns.close();
});

async function until(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !isDone(); i++) await pause(10);
  assert.ok(isDone(), 'not within two seconds');
}

describe('watchNetlink()', () => {
  it('tells of links, addresses and routes in their order', async (t) => {
    const events: NetlinkEvent[] = [];
    const watch = watchNetlink(netns, {
      of: ['links', 'addresses', 'routes'],
      onEvent: (event) => events.push(event),
    });
    t.after(() => watch.close());
    const address = { link: 'br0', ip: parseIp('10.7.0.1'), prefixLength: 24 };
    await door.apply([
      { kind: 'add-bridge', name: 'br0', isUp: true, alias: 'fairlead' },
      { kind: 'add-address', ...address },
      { kind: 'delete-address', ...address },
    ]);
    await until(() => events.some((it) => it.kind === 'address-removed'));
    await door.apply([{ kind: 'delete-link', name: 'br0' }]);
    await until(() => events.some((it) => it.kind === 'link-removed'));
    watch.close();
    watch.close();
    const first = events.find((it) => it.kind === 'link');
    assert.deepEqual([first?.kind === 'link' && first.link.name, watch.lossCount], ['br0', 0]);
    assert.ok(events.some((it) => it.kind === 'link' && it.link.alias === 'fairlead'));
    assert.deepEqual(
      events.flatMap((it) => ('address' in it && it.address.ip === address.ip ? [it] : [])),
      [
        { kind: 'address', address },
        { kind: 'address-removed', address },
      ],
    );
    assert.ok(events.some((it) => it.kind === 'route' && it.route.destination === '10.7.0.0/24'));
  });

  it('says that events were lost when it was behind', async (t) => {
    const seen: (string | undefined)[] = [];
    const watch = watchLinks(netns, (link) => seen.push(link?.name));
    t.after(() => watch.close());
    // Nothing is read within one turn of the event loop, so that the buffer overflows.
    const changes = Array.from(
      { length: 2000 },
      (_, i) => ({ kind: 'set-link', name: 'lo', alias: `x${i}` }) as const,
    );
    await door.apply(changes);
    await until(() => watch.lossCount > 0);
    assert.ok(seen.includes(undefined));
    const count = seen.length;
    await door.apply([{ kind: 'set-link', name: 'lo', alias: 'after' }]);
    await until(() => seen.length > count);
    watch.close();
  });
});

describe('openNflog()', () => {
  const rules = `table inet t-sys {
    chain out { type filter hook output priority 0; udp dport 9 log prefix "drop:test" group 7 drop
    }
  }\n`;

  it('hands on what rules log, in both families, with prefix, hook and payload', async (t) => {
    await applyNft(rules, { netns });
    const packets: LoggedPacket[] = [];
    const reader = openNflog({ netns, group: 7, onPacket: (packet) => packets.push(packet) });
    t.after(() => reader.close());
    assert.throws(() => openNflog({ netns, group: 7, onPacket: () => undefined }), isAlreadyExists);
    assert.throws(
      () => openNflog({ netns, group: 70000, onPacket: () => undefined }),
      (error) => hasCode(error, 'invalid'),
    );
    for (const host of ['127.0.0.1', '::1']) {
      const socket = dgram.createSocket(host === '::1' ? 'udp6' : 'udp4');
      socket.bind({ fd: bindUdp(netns, { ip: parseIp(host), port: 0 }) });
      // The rule drops it: the sender is told EPERM or nothing.
      socket.send('secret', 9, host, () => socket.close());
    }
    await until(() => packets.length === 2);
    reader.close();
    assert.deepEqual(
      packets.map(({ prefix, family, hook }) => ({ prefix, family, hook })),
      [4, 6].map((family) => ({ prefix: 'drop:test', family, hook: 'output' })),
    );
    for (const packet of packets) assert.match(Buffer.from(packet.payload).toString('latin1'), /secret$/);
    assert.deepEqual([reader.packetCount, reader.lostCount], [2, 0]);
  });

  it('counts what was lost while it was behind, and keeps nothing without bound', async (t) => {
    const reader = openNflog({ netns, group: 7, bufferBytes: 4096, onPacket: () => undefined });
    t.after(() => reader.close());
    const socket = dgram.createSocket('udp4');
    socket.bind({ fd: bindUdp(netns, { ip: parseIp('127.0.0.1'), port: 0 }) });
    t.after(() => socket.close());
    const send = (): Promise<void> =>
      new Promise((resolve) => socket.send('x', 9, '127.0.0.1', () => resolve()));
    await send();
    await until(() => reader.packetCount === 1);
    // libuv sends all of these within one turn.
    await Promise.all(Array.from({ length: 3000 }, send));
    await pause(200);
    await send();
    await until(() => reader.packetCount + reader.lostCount === 3002);
    assert.ok(reader.lostCount > 0 && reader.packetCount > 1);
  });
});
