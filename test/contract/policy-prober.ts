// Connections between namespaces, all at once from one process: sockets are made in the namespaces that they belong to.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import net from 'node:net';
import { familyOf, type Ip } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import type { Protocol } from '../../src/base/port.ts';
import { bindUdp, listenTcp, openTcp } from '../../src/sys/socket.ts';
import { scaledMs } from '../support/time-scale.ts';

/** An address in a namespace. */
export interface Party {
  readonly netns: string;
  readonly ip: Ip;
}

export interface Probe {
  readonly from: Party;
  readonly to: Party;
  readonly protocol: Exclude<Protocol, 'SCTP'>;
  readonly port: number;
  /** Whether it should be answered: what should is waited for longer. */
  readonly isExpected: boolean;
}

/** How long an answer may take that is expected, and one that is not. */
const PATIENCE_MS = 3_000;
const SILENCE_MS = 250;

/** Answers on every port of every address, as that address, until the lifetime ends. */
export async function serveEverywhere(
  parties: readonly Party[],
  ports: Readonly<Record<'TCP' | 'UDP', readonly number[]>>,
  lifetime: Lifetime,
): Promise<void> {
  for (const { netns, ip } of parties) {
    for (const port of ports.TCP) await serveTcp(netns, { ip, port }, lifetime);
    for (const port of ports.UDP) await serveUdp(netns, { ip, port }, lifetime);
  }
}

type At = { readonly ip: Ip; readonly port: number };

async function serveTcp(netns: string, at: At, lifetime: Lifetime): Promise<void> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.on('data', (data) => socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen({ fd: listenTcp(netns, at) }, resolve));
  lifetime.defer(`port ${at.port}/TCP`, () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
}

async function serveUdp(netns: string, at: At, lifetime: Lifetime): Promise<void> {
  const socket = await adoptUdp(bindUdp(netns, at), at.ip);
  socket.on('message', (data, { port, address }) => socket.send(data, port, address, () => undefined));
  lifetime.defer(`port ${at.port}/UDP`, () => void socket.close());
}

/** A socket of Node over a descriptor of `bindUdp`, which it closes. */
export function adoptUdp(fd: number, ip: Ip): Promise<UdpSocket> {
  const socket = createSocket({ type: familyOf(ip) === 4 ? 'udp4' : 'udp6' });
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.bind({ fd }, () => resolve(socket)));
}

/** Which of the probes were answered, in their order. */
export async function probeAll(probes: readonly Probe[]): Promise<readonly boolean[]> {
  return Promise.all(probes.map((it) => (it.protocol === 'TCP' ? probeTcp(it) : probeUdp(it))));
}

/** Asks again and again; the function that it returns ends that and says what went wrong. */
export function watchProbes(probes: () => readonly Probe[]): () => Promise<readonly Probe[]> {
  let isOver = false;
  const wrong: Probe[] = [];
  const watching = (async () => {
    do {
      const asked = probes();
      const answers = await probeAll(asked);
      wrong.push(...asked.filter(({ isExpected }, at) => isExpected !== answers[at]));
    } while (!isOver);
  })();
  return async () => {
    isOver = true;
    await watching;
    return wrong;
  };
}

function waitMs({ isExpected }: Probe): number {
  return isExpected ? scaledMs(PATIENCE_MS) : SILENCE_MS;
}

function probeTcp(probe: Probe): Promise<boolean> {
  const { from, to, port } = probe;
  const socket = new net.Socket({ fd: openTcp(from.netns, familyOf(from.ip)) });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.setTimeout(waitMs(probe), () => resolve(false));
  socket.once('error', () => resolve(false));
  socket.connect({ host: to.ip, port, localAddress: from.ip }, () => socket.write('x'));
  socket.once('data', () => resolve(true));
  // One that is still connecting would be reset only when it is connected.
  return promise.finally(() => (socket.connecting ? socket.destroy() : socket.resetAndDestroy()));
}

async function probeUdp(probe: Probe): Promise<boolean> {
  const { from, to, port } = probe;
  const socket = await adoptUdp(bindUdp(from.netns, { ip: from.ip, port: 0 }), from.ip);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), waitMs(probe));
  socket.once('message', () => resolve(true));
  socket.send('x', port, to.ip, (error) => {
    if (error !== null && error !== undefined) resolve(false);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}
