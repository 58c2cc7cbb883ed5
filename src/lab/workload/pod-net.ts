// The network as one pod has it: listeners and connections whose sockets live in the pod's namespace, names resolved by
// the pod's resolv.conf. Knows no program; everything it opened is closed with it.

import dgram from 'node:dgram';
import net from 'node:net';
import { FairleadError } from '../../base/errors.ts';
import { parseIp, tryParseIp, type Ip } from '../../base/ip.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { connectInPod, dialError } from './pod-connection.ts';
import type { PodSockets } from './pod-sockets.ts';

/** What a peer that sends nothing may keep open. */
const IDLE_MS = 120_000;
const MAX_CONNECTIONS = 512;
const ANY = [parseIp('0.0.0.0'), parseIp('::')] as const;

/** Addresses of a name, best first; throws `not-found` or `timeout`. */
export type Resolve = (name: string) => Promise<readonly Ip[]>;

export interface UdpPeer {
  readonly address: string;
  readonly port: number;
}

export type OnDatagram = (data: Buffer, peer: UdpPeer, reply: (data: Uint8Array) => void) => void;

export interface PodNetOptions {
  readonly netns: string;
  readonly sockets: PodSockets;
  readonly resolve: Resolve;
  readonly lifetime: Lifetime;
}

export class PodNet {
  readonly #options: PodNetOptions;
  readonly #open = new Set<net.Socket>();

  constructor(options: PodNetOptions) {
    this.#options = options;
    options.lifetime.defer('connections', () => {
      for (const socket of this.#open) socket.destroy();
    });
  }

  /** Listens on both families; `onSocket` owns each connection, which ends with the pod at the latest. */
  async listenTcp(port: number, onSocket: (socket: net.Socket) => void): Promise<void> {
    const onConnection = (socket: net.Socket): void => {
      this.#track(socket);
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      onSocket(socket);
    };
    for (const ip of ANY) {
      const fd = this.#made(ip, () => this.#options.sockets.listenTcp(this.#options.netns, { ip, port }));
      if (fd === undefined) continue;
      const server = await adoptTcp(fd, onConnection);
      this.#options.lifetime.defer(`port ${port}/TCP`, () => {
        server.close();
      });
    }
  }

  /** Answers datagrams on both families. */
  async bindUdp(port: number, onDatagram: OnDatagram): Promise<void> {
    for (const ip of ANY) {
      const fd = this.#made(ip, () => this.#options.sockets.bindUdp(this.#options.netns, { ip, port }));
      if (fd === undefined) continue;
      const socket = await adoptUdp(fd, ip);
      socket.on('message', (data, from) => {
        // A reply that the kernel refuses (no route any more) is lost like any other datagram.
        onDatagram(data, from, (answer) => socket.send(answer, from.port, from.address, () => undefined));
      });
      socket.on('error', () => socket.close());
      this.#options.lifetime.defer(`port ${port}/UDP`, () => closeUdp(socket));
    }
  }

  /** A connection from the pod. Throws `not-found` for names, `timeout`, `unavailable` where the peer refuses. */
  async dialTcp(host: string, port: number, timeoutMs: number): Promise<net.Socket> {
    let failure: unknown;
    for (const ip of await this.addressesOf(host)) {
      try {
        return await this.#connect(ip, port, timeoutMs);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Sends one datagram from the pod and waits for one answer. */
  async askUdp(host: string, port: number, data: Uint8Array, timeoutMs: number): Promise<Buffer> {
    const [ip] = await this.addressesOf(host);
    if (ip === undefined) throw new FairleadError('not-found', `Cannot resolve ${host}: no address`);
    const any = parseIp(ip.includes(':') ? '::' : '0.0.0.0');
    const fd = this.#options.sockets.bindUdp(this.#options.netns, { ip: any, port: 0 });
    const socket = await adoptUdp(fd, any);
    try {
      return await askOnce(socket, { ip, port }, data, timeoutMs);
    } finally {
      closeUdp(socket);
    }
  }

  /** The address itself, or what the pod's resolver says. */
  async addressesOf(host: string): Promise<readonly Ip[]> {
    const ip = tryParseIp(host.replace(/^\[(.*)\]$/, '$1'));
    return ip === undefined ? this.#options.resolve(host) : [ip];
  }

  #track(socket: net.Socket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
  }

  async #connect(ip: Ip, port: number, timeoutMs: number): Promise<net.Socket> {
    const { sockets, netns } = this.#options;
    const socket = await connectInPod({ sockets, netns, to: { ip, port }, timeoutMs }, (made) =>
      this.#track(made),
    );
    return socket.setTimeout(IDLE_MS, () => socket.destroy());
  }

  /** Undefined for IPv6 in a namespace that has none. */
  #made(ip: Ip, open: () => number): number | undefined {
    try {
      return open();
    } catch (error) {
      const errno = error instanceof FairleadError ? error.details['errno'] : undefined;
      if (ip.includes(':') && (errno === 'EAFNOSUPPORT' || errno === 'EADDRNOTAVAIL')) return undefined;
      throw error;
    }
  }
}

/** "10.244.1.2:4711" or "[fd00::2]:4711". */
export function formatPeer(address: string | undefined, port: number | undefined): string {
  const plain = address ?? '';
  return plain.includes(':') ? `[${plain}]:${port ?? 0}` : `${plain}:${port ?? 0}`;
}

function adoptTcp(fd: number, onConnection: (socket: net.Socket) => void): Promise<net.Server> {
  const server = net.createServer({ noDelay: true }, onConnection);
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, () => resolve(server));
  });
}

function adoptUdp(fd: number, ip: Ip): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4' });
    socket.once('error', reject);
    socket.bind({ fd }, () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}

function closeUdp(socket: dgram.Socket): void {
  try {
    socket.close();
  } catch {
    // Closed already by its own error.
  }
}

function askOnce(
  socket: dgram.Socket,
  to: { readonly ip: Ip; readonly port: number },
  data: Uint8Array,
  timeoutMs: number,
): Promise<Buffer> {
  const target = `${to.ip} port ${to.port}`;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new FairleadError('timeout', `Cannot ask ${target}: no answer`));
    }, timeoutMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(dialError(target, error));
    };
    socket.once('message', (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.once('error', fail);
    // Connected, so that a refusal (ICMP) comes back as an error and only this peer may answer.
    socket.connect(to.port, to.ip, (refusal?: Error) => {
      // An address without a way, or one that nobody may send to, is told here and by no event.
      if (refusal !== undefined) fail(refusal);
      else
        socket.send(data, (error) => {
          if (error !== null) fail(error);
        });
    });
    socket.on('error', () => undefined);
  });
}
