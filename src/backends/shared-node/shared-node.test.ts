import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { NODE_LOCAL_DNS } from '../../base/node-local-dns.ts';
import { FakeKernel } from '../../sys/fake-netlink.ts';
import { localAddressTarget, renderLocalAddresses } from './local-addresses.ts';
import { sysctlTarget } from './sysctls.ts';

const signal = new AbortController().signal;

test('localAddressTarget() sees whole-length addresses in the Service prefixes alone', async () => {
  const kernel = new FakeKernel();
  const netlink = kernel.open(kernel.addNetns());
  await netlink.apply([
    { kind: 'set-link', name: 'lo', isUp: true },
    { kind: 'add-address', link: 'lo', ip: parseIp('192.0.2.1'), prefixLength: 32 },
    { kind: 'add-address', link: 'lo', ip: parseIp('10.96.0.9'), prefixLength: 24 },
    { kind: 'add-address', link: 'lo', ip: parseIp('10.96.0.10'), prefixLength: 32 },
  ]);
  const target = localAddressTarget(netlink, [parseCidr('10.96.0.0/16'), parseCidr('fd00:10:96::/112')]);
  assert.deepEqual([...(await target.observe(signal)).keys()], ['10.96.0.10']);
  const wanted = renderLocalAddresses([parseIp('fd00:10:96::a'), parseIp('10.96.0.10')]);
  // One that may be a source is another one than what is wanted, and is repaired.
  const seen = await target.observe(signal);
  const [found, asked] = [seen.get('10.96.0.10'), wanted.get('10.96.0.10')];
  assert.ok(found !== undefined && asked !== undefined && !target.isEqual(asked, found));
  assert.deepEqual((await target.update(wanted, signal, seen)).size, 0);
  assert.deepEqual(await target.observe(signal), new Map([...wanted].reverse()));
  assert.deepEqual([...(await target.observe(signal)).keys()].sort(), ['10.96.0.10', 'fd00:10:96::a']);
  // Both verbs again: what is there is added, and what is gone removed, without an error.
  assert.deepEqual((await target.update(wanted, signal, new Map())).size, 0);
  assert.deepEqual((await target.delete(wanted, signal)).size, 0);
  assert.deepEqual((await target.delete(wanted, signal)).size, 0);
  assert.deepEqual([...(await target.observe(signal)).keys()], []);
  assert.ok((await netlink.addresses('lo')).some((it) => it.ip === '10.96.0.9'));
});

test('localAddressTarget() takes node-local DNS addresses away again, and leaves those of another cache', async () => {
  const kernel = new FakeKernel();
  const netlink = kernel.open(kernel.addNetns());
  const [ours, others] = NODE_LOCAL_DNS;
  assert.ok(ours !== undefined && others !== undefined);
  const of = { kind: 'add-address', link: 'lo' } as const;
  await netlink.apply([{ ...of, ip: others, prefixLength: 128 }]);
  const target = localAddressTarget(netlink, [parseCidr('10.96.0.0/16')]);
  assert.equal((await target.update(renderLocalAddresses([ours]), signal, new Map())).size, 0);
  const seen = await target.observe(signal);
  assert.deepEqual([...seen.keys()], [ours]);
  assert.equal((await target.delete(seen, signal)).size, 0);
  assert.deepEqual(
    (await netlink.addresses('lo')).map((it) => it.ip).filter((it) => NODE_LOCAL_DNS.includes(it)),
    [others],
  );
});

test('sysctlTarget() writes what differs, names what it could not write, and takes nothing back', async () => {
  const settings = new Map([
    ['net/ipv4/ip_forward', '0'],
    ['net/ipv6/conf/all/forwarding', '1'],
  ]);
  const wanted = new Map([
    ['net/ipv4/ip_forward', '1'],
    ['net/ipv6/conf/all/forwarding', '1'],
  ]);
  const target = sysctlTarget(wanted, {
    readSysctl: (key) => settings.get(key) ?? '',
    writeSysctls: (values) => {
      if (values.has('net/broken')) throw new Error('read-only');
      for (const [key, value] of values) settings.set(key, value);
    },
  });
  assert.deepEqual(await target.observe(signal), settings);
  const failures = await target.update(
    new Map([
      ['net/ipv4/ip_forward', '1'],
      ['net/broken', '1'],
    ]),
    signal,
    new Map(),
  );
  assert.deepEqual([...failures.keys()], ['net/broken']);
  assert.equal(settings.get('net/ipv4/ip_forward'), '1');
  await target.delete(wanted, signal);
  assert.equal(settings.get('net/ipv4/ip_forward'), '1');
});
