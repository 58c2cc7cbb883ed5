// Takes upgraded connections for port-forward: SPDY/3.1 as it is (kubectl up to 1.30), and its frames in the messages of a WebSocket.

import type { IncomingMessage } from 'node:http';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Connection, refuseUpgrade, SpdyUpgrades } from '../exec/spdy-upgrades.ts';
import { MAX_FRAME_BYTES } from '../exec/websocket-transport.ts';
import { servePortForward, type PortForwardOptions } from './port-forward-session.ts';

const PROTOCOL = 'portforward.k8s.io';
const TUNNEL = `SPDY/3.1+${PROTOCOL}`;

/** How soon a dead client is noticed while nothing is sent to it. */
const PING_MS = 10_000;

export class PortForwardDoor {
  readonly #pingMs: number;
  readonly #spdy = new SpdyUpgrades();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });

  constructor({ pingMs = PING_MS }: { readonly pingMs?: number } = {}) {
    this.#pingMs = pingMs;
    this.#sockets.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${TUNNEL}`));
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#spdy.close();
  }

  /** Answers the handshake of either form; what cannot be spoken is refused in plain HTTP. */
  upgrade(
    request: IncomingMessage,
    connection: Connection,
    options: Omit<PortForwardOptions, 'pingMs'>,
  ): void {
    const { socket, head } = connection;
    const asked = { ...options, pingMs: this.#pingMs };
    const upgrade = (request.headers.upgrade ?? '').toLowerCase();
    if (upgrade === 'websocket' && offersTunnel(request)) {
      // The name has a slash, which RFC 6455 does not allow and the library refuses: it is answered by hand.
      delete request.headers['sec-websocket-protocol'];
      this.#sockets.handleUpgrade(request, socket, head, (accepted) =>
        servePortForward(createWebSocketStream(accepted), asked),
      );
    } else if (upgrade === 'spdy/3.1') {
      if (this.#spdy.accept(request, connection, [PROTOCOL]) !== undefined) servePortForward(socket, asked);
    } else {
      const message = `port-forward is served over SPDY/3.1 (${PROTOCOL}) and over WebSocket (${TUNNEL})`;
      refuseUpgrade(socket, '400 Bad Request', message);
    }
  }
}

function offersTunnel({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((it) => it.trim() === TUNNEL);
}
