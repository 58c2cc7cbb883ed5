// Local addresses on the real kernel: what is masqueraded towards a pod never comes from one of them.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { scaledMs } from '../../../test/support/time-scale.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { openNetlink } from '../../sys/netlink.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { anonymousNetns, type Netns } from '../../sys/netns.ts';
import { applyNft } from '../../sys/nft.ts';
import { bindUdp } from '../../sys/socket.ts';
import { localAddressTarget, renderLocalAddresses } from './local-addresses.ts';

const SIGNAL = new AbortController().signal;
const PORT = 7000;
const FAMILIES = [
  { name: 'IPv4', dns: '10.96.0.10', node: '192.0.2.1', pod: '10.244.1.5', type: 'udp4', prefix: 32 },
  { name: 'IPv6', dns: 'fd96::a', node: '2001:db8::1', pod: 'fd44::5', type: 'udp6', prefix: 128 },
] as const;

const lifetime = new Lifetime('test');
let node: Netns;
let pod: Netns;
let door: Netlink;

/** The node's own address is on a link of its own; the pod's link has none, as with real pods. */
before(async () => {
  node = lifetime.own('node', anonymousNetns(), (it) => it.close());
  pod = lifetime.own('pod', anonymousNetns(), (it) => it.close());
  door = lifetime.own('door', openNetlink(node), (it) => it.close());
  const inPod = lifetime.own('door of pod', openNetlink(pod), (it) => it.close());
  await door.apply([
    { kind: 'add-veth', name: 'h', peer: { name: 'eth0', netns: pod } },
    { kind: 'add-veth', name: 'up', peer: { name: 'far' } },
    ...['lo', 'h', 'up', 'far'].map((name) => ({ kind: 'set-link', name, isUp: true }) as const),
  ]);
  await inPod.apply([{ kind: 'set-link', name: 'eth0', isUp: true }]);
  for (const { node: ip, pod: to, prefix, dns } of FAMILIES) {
    await door.apply([
      // As an earlier version left it: an address like any other.
      { kind: 'add-address', link: 'lo', ip: parseIp(dns), prefixLength: prefix },
      { kind: 'add-address', link: 'up', ip: parseIp(ip), prefixLength: prefix },
      { kind: 'replace-route', destination: parseCidr(`${to}/${prefix}`), link: 'h' },
    ]);
    await inPod.apply([
      { kind: 'add-address', link: 'eth0', ip: parseIp(to), prefixLength: prefix },
      { kind: 'replace-route', destination: parseCidr(prefix === 32 ? '0.0.0.0/0' : '::/0'), link: 'eth0' },
    ]);
  }
  await applyNft(
    'table inet t { chain c { type nat hook postrouting priority 100; udp dport 7000 masquerade\n }\n }\n',
    { netns: node },
  );
});
after(() => lifetime.close());

/** Whom the pod sees when the node sends from `from`. */
async function seenFrom(from: string, { pod: to, type }: (typeof FAMILIES)[number]): Promise<string> {
  const [server, client] = [dgram.createSocket(type), dgram.createSocket(type)];
  server.bind({ fd: bindUdp(pod, { ip: parseIp(to), port: PORT }) });
  client.bind({ fd: bindUdp(node, { ip: parseIp(from), port: 0 }) });
  try {
    const signal = AbortSignal.timeout(scaledMs(5000));
    client.send('x', PORT, to);
    const [, sender] = (await once(server, 'message', { signal })) as [Buffer, dgram.RemoteInfo];
    return sender.address;
  } finally {
    server.close();
    client.close();
  }
}

for (const family of FAMILIES)
  test(`masquerade towards a pod takes the node's address, ${family.name}`, async () => {
    const { dns, node: ip } = family;
    const target = localAddressTarget(door, [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')]);
    const wanted = renderLocalAddresses([parseIp(dns)]);
    assert.equal(await seenFrom(ip, family), dns, 'what the kernel takes where nobody tells it');
    assert.deepEqual(await target.update(wanted, SIGNAL, await target.observe(SIGNAL)), new Map());
    assert.deepEqual((await target.observe(SIGNAL)).get(dns), wanted.get(dns));
    assert.equal(await seenFrom(ip, family), ip);
    // It still is the node's: who binds it has it.
    const socket = dgram.createSocket(family.type);
    socket.bind({ fd: bindUdp(node, { ip: parseIp(dns), port: 53 }) });
    assert.equal(socket.address().address, dns);
    socket.close();
  });
