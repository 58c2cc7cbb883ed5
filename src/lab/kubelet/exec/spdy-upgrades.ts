// The handshake of SPDY/3.1 over HTTP/1.1 as kubectl speaks it, and the connections that came of it. Knows no stream.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** What Node gives an upgrade: the connection, and the bytes that came with the request's head. */
export interface Connection {
  readonly socket: Duplex;
  readonly head: Buffer;
}

export class SpdyUpgrades {
  readonly #sockets = new Set<Duplex>();

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Chooses the first protocol of the client that is known; without one it is refused, and undefined comes back. */
  accept(
    request: IncomingMessage,
    { socket, head }: Connection,
    known: readonly string[],
  ): string | undefined {
    const offered = offeredProtocols(request);
    const chosen = offered.find((it) => known.includes(it));
    if (chosen === undefined) {
      const message = `unable to negotiate protocol: client supports ${offered.join(', ')}, server accepts ${known.join(', ')}`;
      refuseUpgrade(socket, '403 Forbidden', message);
      return undefined;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const lines = ['Connection: Upgrade', 'Upgrade: SPDY/3.1', `X-Stream-Protocol-Version: ${chosen}`];
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    if (head.length > 0) socket.unshift(head);
    return chosen;
  }
}

/** The client's own order; several headers of one name come joined by commas. */
function offeredProtocols({ headers }: IncomingMessage): readonly string[] {
  const value = headers['x-stream-protocol-version'] ?? '';
  const text = Array.isArray(value) ? value.join(',') : value;
  return text.split(',').map((it) => it.trim());
}

/** Says no in plain HTTP. */
export function refuseUpgrade(socket: Duplex, status: string, message: string): void {
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(message)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n${message}`);
}
