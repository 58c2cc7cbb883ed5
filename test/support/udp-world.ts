// A Gateway's pod without a cluster: its namespace, and a world behind its one link in which clients and endpoints are.

import dgram from 'node:dgram';
import { once } from 'node:events';
import { hostCidr, parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { anonymousNetns, type Netns } from '../../src/sys/netns.ts';
import { bindUdp } from '../../src/sys/socket.ts';
import { scaledMs } from './time-scale.ts';

/** Of IPv4 and IPv6. */
export const GATEWAY = ['10.76.0.2', 'fd76::2'] as const;
export const CLIENT = ['10.76.0.1', 'fd76::1'] as const;

export interface UdpWorld {
  readonly pod: Netns;
  /** A socket in the world, of any port or of this one. */
  open(ip: string, port?: number): dgram.Socket;
}

export interface WorldAddresses {
  /** That the world has beside the clients'. */
  readonly ends: readonly string[];
  /** That the world takes the pod for the way to. */
  readonly elsewhere: string;
}

export async function openUdpWorld(addresses: WorldAddresses, lifetime: Lifetime): Promise<UdpWorld> {
  const pod = lifetime.own('pod', anonymousNetns(), (it) => it.close());
  const world = lifetime.own('world', anonymousNetns(), (it) => it.close());
  await connect(pod, world, addresses);
  return {
    pod,
    open: (ip, port = 0) => {
      const socket = dgram.createSocket(ip.includes(':') ? 'udp6' : 'udp4');
      socket.bind({ fd: bindUdp(world, { ip: parseIp(ip), port }) });
      lifetime.defer(`socket of ${ip}`, () => void socket.close());
      return socket;
    },
  };
}

/** What comes back for a datagram of this socket; undefined where nothing comes. */
export async function ask(
  client: dgram.Socket,
  to: string,
  port: number,
  waitMs = scaledMs(5000),
): Promise<string | undefined> {
  const answer = once(client, 'message', { signal: AbortSignal.timeout(waitMs) }).then(
    ([text]: readonly unknown[]) => String(text),
    () => undefined,
  );
  client.send('who', port, to);
  return answer;
}

/** One link, as a pod has it: `eth0` with everything behind it. */
async function connect(pod: Netns, world: Netns, { ends, elsewhere }: WorldAddresses): Promise<void> {
  const [inside, outside] = [openNetlink(pod), openNetlink(world)];
  try {
    const up = [{ kind: 'set-link', name: 'lo', isUp: true }] as const;
    const address = (link: string, ip: string) =>
      ({ kind: 'add-address', link, ip: parseIp(ip), prefixLength: ip.includes(':') ? 64 : 24 }) as const;
    const peer = { name: 'pod', mtuBytes: 1500, netns: world };
    await inside.apply([
      ...up,
      { kind: 'add-veth', name: 'eth0', mtuBytes: 1500, isUp: true, peer },
      ...GATEWAY.map((ip) => address('eth0', ip)),
    ]);
    const gateway = parseIp(GATEWAY[0]);
    await outside.apply([
      ...up,
      { kind: 'set-link', name: 'pod', isUp: true },
      ...CLIENT.map((ip) => address('pod', ip)),
      ...ends.map((ip) => address('lo', ip)),
      { kind: 'replace-route', destination: hostCidr(parseIp(elsewhere)), gateway, link: 'pod' },
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
