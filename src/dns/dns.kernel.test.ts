// A pod asks its node in real namespaces, by the resolver of the C library and by dig, in both families, while feed and process come and go.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../base/cidr.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { nameEntryKey, type NameZone } from '../model/names.ts';
import { openNetlink } from '../sys/netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../sys/netns.ts';
import { runProgram } from '../sys/process.ts';
import { startDnsProcess, type DnsProcess } from '../../test/support/dns-process.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../../test/support/leaks.ts';
import type { DnsConfigFile } from './config.ts';
import { connectZoneFeed } from './feed.ts';
import { parseNameEntry } from './zone-json.ts';
import { scaledMs } from '../../test/support/time-scale.ts';
import { ownName } from '../../test/support/own-name.ts';

const PREFIX = ownName('dns');
const NODE = `/run/netns/${PREFIX}-node`;
const POD = `/run/netns/${PREFIX}-pod`;
const DNS_V4 = '10.96.0.10';
const DNS_V6 = 'fd00:10:96::a';

function zoneOf(...entries: readonly unknown[]): NameZone {
  return {
    prefixes: ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr),
    entries: new Map(entries.map((it) => parseNameEntry(it)).map((it) => [nameEntryKey(it), it])),
  };
}

const WEB = {
  kind: 'cluster-ip',
  namespace: 'shop',
  service: 'web',
  ips: ['10.96.0.7', 'fd00:10:96::7'],
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
};

const lifetime = new Lifetime('DNS kernel test');
let untouched: LeakSnapshot;
let folder = '';
let config: DnsConfigFile;
let dns: DnsProcess;

/** The cluster's addresses on the node's loopback, as the agent puts them there. */
async function addDnsAddresses(): Promise<void> {
  const node = openNetlink(NODE);
  try {
    await node.apply([
      { kind: 'add-address', link: 'lo', ip: parseIp(DNS_V4), prefixLength: 32 },
      { kind: 'add-address', link: 'lo', ip: parseIp(DNS_V6), prefixLength: 128 },
    ]);
  } finally {
    node.close();
  }
}

async function makeNamespaces(): Promise<void> {
  for (const netns of [NODE, POD]) {
    createNetns(netns);
    lifetime.defer(netns, () => deleteNetns(netns));
  }
  const podFd = openNetns(POD);
  const [node, pod] = [openNetlink(NODE), openNetlink(POD)];
  try {
    await node.apply([
      { kind: 'set-link', name: 'lo', isUp: true },
      { kind: 'add-veth', name: 'flpod', isUp: true, peer: { name: 'eth0', netns: { fd: podFd.fd } } },
      { kind: 'add-address', link: 'flpod', ip: parseIp('10.244.1.1'), prefixLength: 24 },
      { kind: 'add-address', link: 'flpod', ip: parseIp('fd00:10:244:1::1'), prefixLength: 64 },
    ]);
    await pod.apply([
      { kind: 'set-link', name: 'lo', isUp: true },
      { kind: 'set-link', name: 'eth0', isUp: true },
      { kind: 'add-address', link: 'eth0', ip: parseIp('10.244.1.7'), prefixLength: 24 },
      { kind: 'add-address', link: 'eth0', ip: parseIp('fd00:10:244:1::7'), prefixLength: 64 },
      { kind: 'replace-route', destination: parseCidr('0.0.0.0/0'), gateway: parseIp('10.244.1.1') },
      { kind: 'replace-route', destination: parseCidr('::/0'), gateway: parseIp('fd00:10:244:1::1') },
    ]);
  } finally {
    node.close();
    pod.close();
    podFd.close();
  }
}

/** Runs a command in the pod with a resolv.conf as the kubelet writes it. */
async function inPod(nameserver: string, command: string): Promise<string> {
  const file = path.join(folder, 'resolv.conf');
  writeFileSync(
    file,
    `search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${nameserver}\noptions ndots:5 attempts:1 timeout:2\n`,
  );
  const script = `mount --bind ${file} /etc/resolv.conf && ${command}`;
  const { stdout } = await runProgram('unshare', ['--mount', 'sh', '-c', script], { netns: POD });
  return stdout;
}

async function dig(...args: readonly string[]): Promise<string> {
  const { stdout } = await runProgram('dig', ['+time=2', '+tries=1', '+short', ...args], { netns: POD });
  return stdout.trim();
}

describe('the DNS process in namespaces', () => {
  before(async () => {
    untouched = await takeSnapshot({ prefix: PREFIX });
    folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}-`));
    lifetime.defer('folder', () => rmSync(folder, { recursive: true }));
    await makeNamespaces();
    config = {
      listen: [DNS_V4, DNS_V6],
      zoneFile: path.join(folder, 'zone'),
      feedSocket: path.join(folder, 'dns.sock'),
      clusterDomain: 'cluster.local',
      upstreams: [],
    };
    dns = startDnsProcess(path.join(folder, 'dns.json'), config, NODE);
    lifetime.defer('DNS process', async () => void (await dns.end('SIGKILL')));
  });

  after(async () => {
    await lifetime.close();
    await assertNoLeaks(untouched, { prefix: PREFIX });
  });

  test('waits for its addresses, then answers from what the feed brings', async () => {
    await dns.said('waiting for address');
    await addDnsAddresses();
    await dns.said('answering');
    const end = new AbortController();
    const feed = connectZoneFeed(config.feedSocket, {
      clock: systemClock,
      random: Math.random,
      signal: end.signal,
    });
    feed.publish(zoneOf(WEB));
    await feed.whenApplied(1, AbortSignal.timeout(scaledMs(5000)));
    end.abort();
    await feed.closed;
    assert.equal(await dig(`@${DNS_V4}`, 'web.shop.svc.cluster.local', 'A'), '10.96.0.7');
  });

  for (const [family, nameserver] of [
    ['IPv4', DNS_V4],
    ['IPv6', DNS_V6],
  ] as const) {
    test(`the C library's resolver finds short and full names over ${family}`, async () => {
      for (const name of ['web', 'web.shop', 'web.shop.svc', 'web.shop.svc.cluster.local.']) {
        const v4 = await inPod(nameserver, `getent ahostsv4 ${name}`);
        const v6 = await inPod(nameserver, `getent ahostsv6 ${name}`);
        assert.match(v4, /^10\.96\.0\.7\s+STREAM/, name);
        assert.match(v6, /^fd00:10:96::7\s+STREAM/, name);
      }
      await assert.rejects(inPod(nameserver, 'getent ahosts nothere.shop'));
    });

    test(`dig gets SRV, PTR and TCP answers over ${family}`, async () => {
      const at = `@${nameserver}`;
      assert.equal(
        await dig(at, '_http._tcp.web.shop.svc.cluster.local', 'SRV'),
        '0 100 80 web.shop.svc.cluster.local.',
      );
      assert.equal(await dig(at, '-x', '10.96.0.7'), 'web.shop.svc.cluster.local.');
      assert.equal(await dig(at, '-x', 'fd00:10:96::7'), 'web.shop.svc.cluster.local.');
      assert.equal(await dig(at, '+tcp', 'web.shop.svc.cluster.local', 'AAAA'), 'fd00:10:96::7');
    });
  }

  test('killed and started again, it answers from disk with nobody feeding it', async () => {
    await dns.end('SIGTERM');
    dns = startDnsProcess(path.join(folder, 'dns.json'), config, NODE);
    await dns.said('answering');
    assert.equal(await dig(`@${DNS_V6}`, 'web.shop.svc.cluster.local', 'A'), '10.96.0.7');
    await dns.end('SIGKILL');
    dns = startDnsProcess(path.join(folder, 'dns.json'), config, NODE);
    await dns.said('answering');
    assert.equal(await dig(`@${DNS_V4}`, 'web.shop.svc.cluster.local', 'AAAA'), 'fd00:10:96::7');
  });
});
