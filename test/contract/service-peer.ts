// A process that listens, connects and sends datagrams on request: one line of JSON in, one line out. It is started inside of the
// namespace and cgroup that a test is about, and ends with its standard input. Here are the sockets that stay open between requests.

import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { scaledMs } from '../support/time-scale.ts';
import { addressText, burst, errorText, openStream, type BurstRequest } from './service-burst.ts';
import { listen, readWord, type ListenRequest } from './service-listener.ts';

export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
}

/** Where silence is expected, what is taken for it (`SILENCE_MS`); absent: longer than any answer takes. */
interface Patience {
  readonly waitMs?: number;
}

export type PeerRequest =
  | ListenRequest
  /** Connects and reads what the other end says. */
  | ({ readonly kind: 'connect' } & PeerAddress & Patience)
  /** Sends `count` datagrams from one socket, one after the other, and reads an answer to each; a named socket stays open. */
  | ({
      readonly kind: 'send';
      readonly count: number;
      readonly isConnected: boolean;
      readonly socket?: string;
    } & PeerAddress &
      Patience)
  /** Asks on the connection (TCP unless told) or association of that name, which is opened where there is none. */
  | ({ readonly kind: 'hold'; readonly protocol?: 'TCP' | 'SCTP'; readonly socket: string } & PeerAddress &
      Patience)
  /** Connects a named UDP socket elsewhere. */
  | ({ readonly kind: 'reconnect'; readonly socket: string } & PeerAddress)
  /** Closes all named sockets. */
  | { readonly kind: 'forget' };

/** `said` are the answers in order, `seen` which client their endpoints saw, `peer` is whom the socket takes the other end for, `error` an errno name or "timeout". */
export interface PeerReply {
  readonly said: readonly string[];
  readonly seen: readonly string[];
  readonly peer: string | undefined;
  readonly error: string | undefined;
}

/** Emulated machines are slower by the scale that they set. */
const TIMEOUT_MS = scaledMs(1500);
const connections = new Map<string, net.Socket>();
const datagramSockets = new Map<string, dgram.Socket>();
/** What befell named sockets while nobody asked them anything. */
const datagramErrors = new Map<string, Error>();

function failure(error: unknown): PeerReply {
  return { said: [], seen: [], peer: undefined, error: errorText(error) };
}

/** Of words as endpoints write them. */
function reply(words: readonly string[], peer?: string): PeerReply {
  const read = words.map(readWord);
  return { said: read.map((it) => it.said), seen: read.map((it) => it.seen), peer, error: undefined };
}

function connect(
  request: PeerAddress & Patience & { readonly protocol?: 'TCP' | 'SCTP' },
  name?: string,
): Promise<PeerReply> {
  return new Promise((resolve) => {
    const { protocol = 'TCP', ip, port, waitMs = TIMEOUT_MS } = request;
    const socket = openStream(protocol, ip).connect({ host: ip, port });
    socket.setTimeout(waitMs, () => (resolve(failure(timeout())), socket.destroy()));
    socket.on('error', (error) => resolve(failure(error)));
    socket.once('data', (data) => {
      resolve(reply([data.toString()], peerOf(socket)));
      if (name === undefined) socket.destroy();
      else connections.set(name, socket.setTimeout(0));
    });
  });
}

function peerOf(socket: net.Socket): string {
  return addressText(socket.remoteAddress ?? '', socket.remotePort ?? 0);
}

function timeout(): Error {
  return Object.assign(new Error('timeout'), { code: 'timeout' });
}

function hold(request: Extract<PeerRequest, { kind: 'hold' }>): Promise<PeerReply> {
  const socket = connections.get(request.socket);
  if (socket === undefined) return connect(request, request.socket);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(failure(timeout())), request.waitMs ?? TIMEOUT_MS);
    const onError = (error: Error): void => resolve(failure(error));
    socket.once('error', onError);
    socket.once('data', (data) => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(reply([data.toString()], peerOf(socket)));
    });
    socket.write('again\n');
  });
}

function forget(): PeerReply {
  for (const socket of connections.values()) socket.destroy();
  for (const socket of datagramSockets.values()) socket.close();
  connections.clear();
  datagramSockets.clear();
  datagramErrors.clear();
  return reply([]);
}

async function send(request: Extract<PeerRequest, { kind: 'send' }>): Promise<PeerReply> {
  const known = request.socket === undefined ? undefined : datagramSockets.get(request.socket);
  const socket = known ?? dgram.createSocket(net.isIPv6(request.ip) ? 'udp6' : 'udp4');
  if (request.socket !== undefined) datagramSockets.set(request.socket, socket);
  const fallen = datagramErrors.get(request.socket ?? '');
  if (fallen !== undefined) return failure(fallen);
  try {
    if (request.isConnected && known === undefined) await connected(socket, request);
    const said: string[] = [];
    const peers = new Set<string>();
    for (let i = 0; i < request.count; i++) {
      const answer = await exchange(socket, request);
      said.push(answer.said);
      peers.add(answer.peer);
    }
    return reply(said, [...peers].join());
  } catch (error) {
    return failure(error);
  } finally {
    socket.removeAllListeners('error');
    const { socket: name } = request;
    if (name === undefined) socket.close();
    else socket.on('error', (error) => datagramErrors.set(name, error));
  }
}

function connected(socket: dgram.Socket, to: PeerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => resolve());
    socket.connect(to.port, to.ip);
  });
}

async function reconnect(request: Extract<PeerRequest, { kind: 'reconnect' }>): Promise<PeerReply> {
  const socket = datagramSockets.get(request.socket);
  if (socket === undefined) return failure(new Error(`no socket ${request.socket}`));
  socket.disconnect();
  await connected(socket, request);
  return reply([]);
}

function exchange(
  socket: dgram.Socket,
  to: PeerAddress & Patience & { readonly isConnected: boolean },
): Promise<{ said: string; peer: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timeout()), to.waitMs ?? TIMEOUT_MS);
    const onSent = (error: Error | null): void => (error === null ? undefined : reject(error));
    socket.once('error', reject);
    socket.once('message', (message, from) => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve({ said: message.toString(), peer: addressText(from.address, from.port) });
    });
    if (to.isConnected) socket.send('hello', onSent);
    else socket.send('hello', to.port, to.ip, onSent);
  });
}

function serve(request: PeerRequest | BurstRequest): Promise<unknown> {
  switch (request.kind) {
    case 'listen':
      return listen(request).then(() => reply([]), failure);
    case 'burst':
      return burst(request);
    case 'connect':
      return connect(request);
    case 'hold':
      return hold(request);
    case 'reconnect':
      return reconnect(request);
    case 'forget':
      return Promise.resolve(forget());
    case 'send':
      return send(request);
  }
}

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  for await (const line of lines) {
    // Written by the test of this folder, in the shape of the type above.
    process.stdout.write(`${JSON.stringify(await serve(JSON.parse(line) as Parameters<typeof serve>[0]))}\n`);
  }
}
