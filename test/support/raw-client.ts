// A client of one connection that does nothing by itself: it never asks again and never opens another connection, so that whatever goes wrong is seen.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { once } from 'node:events';

export interface RawPlace {
  readonly address: string;
  readonly port: number;
  /** By TLS, asking for this name. */
  readonly tlsName?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  /** The other side has said that it closes the connection. */
  readonly isLast: boolean;
}

const TIMEOUT_MS = 10_000;

export class RawConnection {
  readonly #socket: Socket;
  #text = '';
  #waiting: { resolve(answer: RawAnswer): void; reject(error: unknown): void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('closed')));
  }

  /** Rejects where it cannot be opened. */
  static async open({ address, port, tlsName }: RawPlace): Promise<RawConnection> {
    const socket =
      tlsName === undefined
        ? connectTcp({ host: address, port })
        : connectTls({ host: address, port, servername: tlsName, rejectUnauthorized: false });
    socket.setNoDelay(true);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    await once(socket, tlsName === undefined ? 'connect' : 'secureConnect');
    return new RawConnection(socket);
  }

  /** Of the certificate that was shown; by TLS alone. */
  get fingerprint(): string {
    return (this.#socket as TLSSocket).getPeerCertificate().fingerprint256;
  }

  /** One request at a time. Rejects where the connection ends before the answer has. */
  ask(host: string, path: string, isLast = false): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) reject(new Error('closed'));
      this.#waiting = { resolve, reject };
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${isLast ? 'Connection: close\r\n' : ''}\r\n`,
      );
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    const headEnd = this.#text.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#text.slice(0, headEnd);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    if (this.#text.length < headEnd + 4 + length) return;
    const body = this.#text.slice(headEnd + 4, headEnd + 4 + length);
    this.#text = this.#text.slice(headEnd + 4 + length);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({
      status: Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)),
      body,
      isLast: /^connection: close$/im.test(head),
    });
  }

  #fail(error: unknown): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** One request on a connection of its own. */
export async function askOnce(place: RawPlace, host: string, path: string): Promise<RawAnswer> {
  const connection = await RawConnection.open(place);
  try {
    return await connection.ask(host, path, true);
  } finally {
    connection.close();
  }
}
