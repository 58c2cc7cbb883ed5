// Sockets that a prober keeps between questions: a TCP connection with requests one after the other, a UDP socket.

import type dgram from 'node:dgram';
import type net from 'node:net';
import { openTcp, openUdp, sayUdp, timed } from './prober-asks.ts';
import type { Answer, Ask } from './prober-types.ts';

interface Held {
  end(): void;
  say(text: string, timeoutMs: number): Promise<Omit<Answer, 'ms'>>;
}

export class Holds {
  readonly #held = new Map<number, Held>();
  #next = 1;

  /** The number for `say`; rejects where no connection came about. */
  async hold(question: Omit<Ask, 'say'>): Promise<number> {
    const held = question.kind === 'udp' ? await heldUdp(question) : await heldTcp(question);
    this.#held.set(this.#next, held);
    return this.#next++;
  }

  release(socket: number): Promise<true> {
    this.#held.get(socket)?.end();
    this.#held.delete(socket);
    return Promise.resolve(true);
  }

  say(of: { readonly socket: number; readonly say: string; readonly timeoutMs: number }): Promise<Answer> {
    return timed(async () => {
      const held = this.#held.get(of.socket);
      if (held === undefined) throw new Error(`no socket ${of.socket}`);
      return await held.say(of.say, of.timeoutMs);
    });
  }
}

async function heldUdp(question: Omit<Ask, 'say'>): Promise<Held> {
  const [socket, address]: [dgram.Socket, string] = await openUdp(question);
  return {
    end: () => socket.close(),
    say: (say, timeoutMs) => sayUdp(socket, { ...question, say, timeoutMs }, address),
  };
}

async function heldTcp(question: Omit<Ask, 'say'>): Promise<Held> {
  const socket = openTcp(question);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => (failure ??= new Error('closed')));
  return {
    end: () => socket.destroy(),
    say: (say, timeoutMs) =>
      failure === undefined ? request(socket, say, timeoutMs) : Promise.reject(failure),
  };
}

function request(socket: net.Socket, path: string, timeoutMs: number): Promise<Omit<Answer, 'ms'>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(new Error('timeout'))), timeoutMs);
    const end = (then: () => void): void => {
      clearTimeout(timer);
      socket.removeListener('data', onData);
      socket.removeListener('error', onError);
      then();
    };
    const onError = (error: Error): void => end(() => reject(error));
    const onData = (chunk: Buffer): void => {
      const text = chunk.toString('latin1');
      end(() =>
        resolve({ text: text.slice(text.indexOf('\r\n\r\n') + 4), peer: socket.remoteAddress ?? '' }),
      );
    };
    socket.on('data', onData);
    socket.on('error', onError);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: prober\r\n\r\n`);
  });
}
