// The asking half of a peer where no socket outlives its packet: many tries of one kind, each from a socket of its own.

import dgram from 'node:dgram';
import net from 'node:net';
import type { Protocol } from '../../src/base/port.ts';
import { openSctp } from '../../src/sys/socket.ts';
import { quietMs } from '../support/time-scale.ts';
import { readWord, type EndpointWord } from './service-listener.ts';

export interface BurstRequest {
  readonly kind: 'burst';
  readonly protocol: Protocol;
  readonly ip: string;
  readonly port: number;
  readonly count: number;
  /** All at the same time; one after the other where the order matters (session affinity). */
  readonly isAtOnce: boolean;
  /** UDP alone: only a connected socket is told of a refusal. */
  readonly isConnected: boolean;
  /** What a try sends; for TCP and SCTP the greeting alone is waited for where it is absent. */
  readonly bytes?: number;
  /** Local addresses, one try from each in turn. */
  readonly sources?: readonly string[];
  /** All tries from one port; of as many addresses as there are tries. */
  readonly isFromOnePort?: boolean;
  readonly waitMs: number;
}

/** What became of one try: a word of an endpoint and the address that it seems to come from, or an errno name or "timeout". */
export type PeerAnswer =
  | ({ readonly kind: 'answer'; readonly from: string } & EndpointWord)
  | { readonly kind: 'error'; readonly error: string };

export async function burst(request: BurstRequest): Promise<readonly PeerAnswer[]> {
  const tries = Array.from({ length: request.count }, (_, i) => i);
  const onePort = request.isFromOnePort === true ? nextPort() : undefined;
  const one = (i: number): Promise<PeerAnswer> => {
    const source = { address: request.sources?.[i % request.sources.length], port: onePort ?? nextPort() };
    return request.protocol === 'UDP' ? tryUdp(request, source) : tryStream(request, source);
  };
  if (request.isAtOnce) return Promise.all(tries.map(one));
  const answers: PeerAnswer[] = [];
  for (const i of tries) answers.push(await one(i));
  return answers;
}

export function addressText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function errorText(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : String(error);
}

/**
 * Every try has a port that none had for thousands of tries before it: what is remembered of an earlier one is not taken for it. What a backend
 * makes of one port for two Services is shown by the rows of one socket. Above the ports that the kernel gives by itself; those below node
 * ports are where service-ebpf hides clients, and belong to nobody else on a node.
 */
const FIRST_PORT = 61_000;
const PORT_COUNT = 4_500;
let portsUsed = 0;

function nextPort(): number {
  return FIRST_PORT + (portsUsed++ % PORT_COUNT);
}

/** No answer inside of one machine takes so long, and nothing breaks where one does: the first that comes counts. */
const AGAIN_MS = quietMs(200);
const TIMEOUT: PeerAnswer = { kind: 'error', error: 'timeout' };

/** A socket of TCP or of one SCTP association, which is not connected yet. */
export function openStream(protocol: Protocol, ip: string): net.Socket {
  return protocol === 'SCTP'
    ? new net.Socket({ fd: openSctp(undefined, net.isIPv6(ip) ? 6 : 4) })
    : new net.Socket();
}

interface Source {
  readonly address: string | undefined;
  readonly port: number;
}

function tryStream(request: BurstRequest, { address, port: localPort }: Source): Promise<PeerAnswer> {
  const { protocol, ip, port, bytes, waitMs } = request;
  return new Promise((resolve) => {
    const local = { localPort, ...(address === undefined ? {} : { localAddress: address }) };
    const socket = openStream(protocol, ip).connect({ host: ip, port, ...local });
    const end = (answer: PeerAnswer): void => (clearTimeout(timer), socket.destroy(), resolve(answer));
    const timer = setTimeout(() => end(TIMEOUT), waitMs);
    let wordsToCome = bytes === undefined ? 1 : 2;
    socket.on('error', (error) => end({ kind: 'error', error: errorText(error) }));
    socket.on('close', () => end({ kind: 'error', error: 'closed' }));
    socket.on('connect', () => bytes !== undefined && socket.write(`${'x'.repeat(bytes - 1)}\n`));
    socket.on('data', (data) => {
      // A greeting and an answer may come in one piece.
      wordsToCome -= data.toString().split('\n').length - 1;
      if (wordsToCome > 0) return;
      const word = data.toString().trim().split('\n').at(-1) ?? '';
      const from = addressText(socket.remoteAddress ?? '', socket.remotePort ?? 0);
      end({ kind: 'answer', from, ...readWord(word) });
    });
  });
}

function tryUdp(request: BurstRequest, source: Source): Promise<PeerAnswer> {
  const { ip, port, bytes = 5, isConnected, waitMs } = request;
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(ip) ? 'udp6' : 'udp4');
    let isOver = false;
    const end = (answer: PeerAnswer): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(TIMEOUT), waitMs);
    // A datagram may be lost on the way (a neighbour that is being asked for, a path whose size is being learned): whoever hears nothing asks again.
    const again = setInterval(() => send(), Math.min(AGAIN_MS, waitMs / 2));
    const onSent = (error: Error | null): void => {
      if (error !== null) end({ kind: 'error', error: errorText(error) });
    };
    socket.on('error', onSent);
    socket.on('message', (message, from) =>
      end({ kind: 'answer', from: addressText(from.address, from.port), ...readWord(message.toString()) }),
    );
    const hello = 'x'.repeat(bytes);
    const send = (): void =>
      isConnected ? socket.send(hello, onSent) : socket.send(hello, port, ip, onSent);
    socket.bind(source.port, source.address, () => {
      if (isConnected) socket.once('connect', send).connect(port, ip);
      else send();
    });
  });
}
