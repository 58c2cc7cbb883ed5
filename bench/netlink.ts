// A pod's plumbing (veth into a namespace, two families: addresses, routes, neighbours) through our door, beside the same by `ip -batch`.
// Prints JSON lines; times are wall time of one pod in microseconds, namespaces made before and removed after. Needs root.

import { execFileSync } from 'node:child_process';
import { parseCidr, hostCidr } from '../src/base/cidr.ts';
import { parseIp } from '../src/base/ip.ts';
import { parseMac } from '../src/base/mac.ts';
import type { NetlinkChange } from '../src/sys/netlink-types.ts';
import { openNetlink } from '../src/sys/netlink.ts';
import { createNetns, deleteNetns, openNetns, type Netns } from '../src/sys/netns.ts';

const PODS = Number(process.argv[2] ?? 100);
const prefix = `t-bench-${process.pid}`;
const nodePath = `/run/netns/${prefix}-node`;
const hostMac = parseMac('02:00:00:00:00:01');
const podMac = parseMac('02:00:00:00:00:02');

interface Pod {
  readonly name: string;
  readonly netns: Netns;
  readonly ips: readonly string[];
}

function hostChanges(pod: Pod, link: string): NetlinkChange[] {
  return [
    {
      kind: 'add-veth',
      name: link,
      mac: hostMac,
      mtuBytes: 1450,
      alias: 'fairlead bench',
      isUp: true,
      peer: { name: 'eth0', mac: podMac, mtuBytes: 1450, netns: pod.netns },
    },
    ...pod.ips.flatMap((ip): NetlinkChange[] => [
      { kind: 'replace-neighbour', link, ip: parseIp(ip), mac: podMac },
      { kind: 'replace-route', destination: hostCidr(parseIp(ip)), link },
    ]),
  ];
}

function podChanges(pod: Pod): NetlinkChange[] {
  const gateways = [parseIp('169.254.1.1'), parseIp('fe80::1')];
  const defaults = [parseCidr('0.0.0.0/0'), parseCidr('::/0')];
  return [
    { kind: 'set-link', name: 'lo', isUp: true },
    { kind: 'set-link', name: 'eth0', isUp: true },
    ...pod.ips.map((ip): NetlinkChange => {
      return {
        kind: 'add-address',
        link: 'eth0',
        ip: parseIp(ip),
        prefixLength: ip.includes(':') ? 128 : 32,
      };
    }),
    ...gateways.map((ip): NetlinkChange => ({ kind: 'replace-neighbour', link: 'eth0', ip, mac: hostMac })),
    ...gateways.map((gateway, i): NetlinkChange => {
      const destination = defaults[i] ?? parseCidr('::/0');
      return { kind: 'replace-route', destination, gateway, link: 'eth0', isOnlink: true, mtuBytes: 1450 };
    }),
  ];
}

function hostBatch(pod: Pod, link: string): string {
  return [
    `link add ${link} address ${hostMac} mtu 1450 up type veth peer name eth0 address ${podMac} mtu 1450 netns ${pod.name}`,
    `link set ${link} alias bench`,
    ...pod.ips.flatMap((ip) => [
      `neigh replace ${ip} lladdr ${podMac} dev ${link} nud permanent`,
      `route replace ${ip} dev ${link} proto 76`,
    ]),
    '',
  ].join('\n');
}

function podBatch(pod: Pod): string {
  return [
    'link set lo up',
    'link set eth0 up',
    ...pod.ips.map((ip) => `addr add ${ip}/${ip.includes(':') ? '128 nodad' : '32'} dev eth0`),
    ...['169.254.1.1', 'fe80::1'].map((ip) => `neigh replace ${ip} lladdr ${hostMac} dev eth0 nud permanent`),
    'route replace 0.0.0.0/0 via 169.254.1.1 dev eth0 onlink mtu 1450',
    'route replace ::/0 via fe80::1 dev eth0 onlink mtu 1450',
    '',
  ].join('\n');
}

async function measure(what: string, plumb: (pod: Pod, link: string) => void | Promise<void>): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < PODS; i++) {
    const name = `${prefix}-pod`;
    const path = `/run/netns/${name}`;
    createNetns(path);
    const netns = openNetns(path);
    const start = process.hrtime.bigint();
    await plumb(
      { name, netns, ips: [`10.244.${i >> 8}.${i & 255}`, `fd00:10:244::${(i + 1).toString(16)}`] },
      `b${i}`,
    );
    times.push(Number(process.hrtime.bigint() - start) / 1000);
    netns.close();
    await deleteNetns(path);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor((times.length - 1) * share)] ?? 0);
  process.stdout.write(
    `${JSON.stringify({ bench: 'pod plumbing', subject: what, pods: PODS, p50Us: at(0.5), p99Us: at(0.99), minUs: at(0), perSecond: Math.round(1e6 / at(0.5)) })}\n`,
  );
}

createNetns(nodePath);
const node = openNetlink(nodePath);
try {
  await measure('fairlead', async (pod, link) => {
    await node.apply(hostChanges(pod, link));
    const inside = openNetlink(pod.netns);
    await inside.apply(podChanges(pod));
    inside.close();
  });
  await measure('ip -batch', (pod, link) => {
    execFileSync('ip', ['-n', `${prefix}-node`, '-batch', '-'], { input: hostBatch(pod, link) });
    execFileSync('ip', ['-n', pod.name, '-batch', '-'], { input: podBatch(pod) });
  });
} finally {
  node.close();
  await deleteNetns(nodePath);
}
