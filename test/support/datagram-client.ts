// A client of the machine that asks by UDP from one socket, so that all it asks is one flow.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { quietMs } from './time-scale.ts';

export class DatagramClient {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    this.#host = host;
    this.#port = port;
  }

  /** 'nobody' where no answer comes. */
  async ask(question: string): Promise<string> {
    const signal = AbortSignal.timeout(quietMs(500));
    const answer = once(this.#socket, 'message', { signal }).then(
      ([text]: readonly unknown[]) => String(text),
      () => 'nobody',
    );
    this.#socket.send(question, this.#port, this.#host);
    return answer;
  }

  close(): void {
    this.#socket.close();
  }
}
