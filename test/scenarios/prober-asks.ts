// One question over the network and what became of it: an expected outcome is a value, also where it is an error.

import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import dns from 'node:dns/promises';
import net from 'node:net';
import { parseIp } from '../../src/base/ip.ts';
import { bindUdp } from '../../src/sys/socket.ts';
import type { Answer, Ask } from './prober-types.ts';

const TIMEOUT_MS = 3000;

export function ask(question: Ask): Promise<Answer> {
  return timed(() => {
    if (question.kind === 'http') return askHttp(question);
    return question.kind === 'udp' ? askUdp(question) : askDns(question);
  });
}

/** Runs `work` with its time; what it throws becomes the answer's error. */
export async function timed(work: () => Promise<Omit<Answer, 'ms'>>): Promise<Answer> {
  const startMs = performance.now();
  const took = (): number => Math.round(performance.now() - startMs);
  try {
    return { ...(await work()), ms: took() };
  } catch (error) {
    return { error: codeOf(error), ms: took() };
  }
}

export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

export function openTcp(question: Omit<Ask, 'say' | 'kind'>): net.Socket {
  return net.connect({
    host: question.host,
    port: question.port,
    ...(question.from === undefined ? {} : { localAddress: question.from }),
  });
}

/** Written as bytes rather than by an HTTP client: no pool, no retry, nothing between the socket and the count. */
function askHttp(question: Ask): Promise<Omit<Answer, 'ms'>> {
  const socket = openTcp(question);
  return new Promise((resolve, reject) => {
    let ends: Omit<Answer, 'ms'> = {};
    let text = '';
    const timer = setTimeout(() => fail(new Error('timeout')), question.timeoutMs ?? TIMEOUT_MS);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    socket.on('error', fail);
    socket.once('connect', () => {
      ends = { peer: socket.remoteAddress ?? '', local: socket.localAddress ?? '' };
      socket.write(`GET ${question.say} HTTP/1.1\r\nHost: prober\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.once('end', () => {
      clearTimeout(timer);
      socket.destroy();
      const body = bodyOf(text);
      if (body === undefined) reject(new Error(text === '' ? 'empty' : (text.split('\r\n')[0] ?? '')));
      else resolve({ ...ends, text: body });
    });
  });
}

/** Undefined for anything but a whole answer with status 200. */
function bodyOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || !text.startsWith('HTTP/1.1 200')) return undefined;
  const body = text.slice(end + 4);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end));
  return length === null || Number(length[1]) === body.length ? body : undefined;
}

/** A UDP socket of the family of `host`, bound as asked and connected where asked. */
export async function openUdp(question: Omit<Ask, 'say' | 'kind'>): Promise<[dgram.Socket, string]> {
  const { address, family } = await lookup(question.host);
  const socket = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
  // Errors reach the one who asks; between questions nobody does.
  socket.on('error', () => undefined);
  if (question.from !== undefined) {
    const fd = bindUdp(undefined, { ip: parseIp(question.from), port: 0 }, { isFreeBind: true });
    await new Promise<void>((resolve) => socket.bind({ fd }, resolve));
  }
  if (question.isConnected === true) {
    // Types know nothing of it, yet the callback hears of a connection that failed.
    const connected = (resolve: () => void, reject: (error: Error) => void) => (error?: Error) =>
      error === undefined ? resolve() : reject(error);
    await new Promise<void>((resolve, reject) =>
      socket.connect(question.port, address, connected(resolve, reject)),
    );
  }
  return [socket, address];
}

async function askUdp(question: Ask): Promise<Omit<Answer, 'ms'>> {
  const [socket, address] = await openUdp(question);
  try {
    return await sayUdp(socket, question, address);
  } finally {
    socket.close();
  }
}

/** Sends one datagram and waits for one. */
export function sayUdp(
  socket: dgram.Socket,
  question: Omit<Ask, 'kind'>,
  address: string,
): Promise<Omit<Answer, 'ms'>> {
  const { say, fillBytes } = question;
  const data = Buffer.from(fillBytes === undefined ? say : `echo ${'x'.repeat(fillBytes - 5)}`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(new Error('timeout'))), question.timeoutMs ?? TIMEOUT_MS);
    const end = (then: () => void): void => {
      clearTimeout(timer);
      socket.removeListener('message', onMessage);
      socket.removeListener('error', onError);
      then();
    };
    const onError = (error: Error): void => end(() => reject(error));
    const onMessage = (message: Buffer, from: dgram.RemoteInfo): void =>
      end(() =>
        resolve({
          text: fillBytes === undefined ? message.toString('latin1') : String(message.length),
          peer: from.address,
          local: socket.address().address,
        }),
      );
    socket.on('message', onMessage);
    socket.on('error', onError);
    const sent = (error: Error | null): void => {
      if (error !== null) onError(error);
    };
    if (question.isConnected === true) socket.send(data, sent);
    else socket.send(data, question.port, address, sent);
  });
}

/** One try of half a second at the first nameserver: what a load counts must be the server's doing, not the client's patience. */
async function askDns(question: Ask): Promise<Omit<Answer, 'ms'>> {
  const resolver = new dns.Resolver({ timeout: question.timeoutMs ?? 500, tries: 1 });
  const [first = ''] = dns.getServers();
  resolver.setServers([first]);
  return { text: (await resolver.resolve4(question.host)).sort().join(',') };
}
