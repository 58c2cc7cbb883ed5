// Takes upgraded connections for port-forward: SPDY/3.1 as it is (kubectl up to 1.30), its frames in the messages of a WebSocket, and the
// channels of a WebSocket (the clients of Python and JavaScript).

import type { IncomingMessage } from 'node:http';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Connection, refuseUpgrade, SpdyUpgrades } from '../exec/spdy-upgrades.ts';
import { MAX_FRAME_BYTES } from '../exec/websocket-channels.ts';
import { CHANNELS_PROTOCOL, portsOf, serveChannels } from './channel-forward.ts';
import { servePortForward, type PortForwardOptions } from './port-forward-session.ts';

const PROTOCOL = 'portforward.k8s.io';
const TUNNEL = `SPDY/3.1+${PROTOCOL}`;
const PORTS_WANTED = 'the query parameter "port" must name the ports, 1 to 65535, 128 at most';

/** How soon a dead client is noticed while nothing is sent to it. */
const PING_MS = 10_000;

export class PortForwardDoor {
  readonly #pingMs: number;
  readonly #spdy = new SpdyUpgrades();
  readonly #tunnels = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  readonly #channels = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offered) => offered.has(CHANNELS_PROTOCOL) && CHANNELS_PROTOCOL,
  });

  constructor({ pingMs = PING_MS }: { readonly pingMs?: number } = {}) {
    this.#pingMs = pingMs;
    this.#tunnels.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${TUNNEL}`));
  }

  close(): void {
    for (const sockets of [this.#tunnels, this.#channels]) {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    }
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
    if (upgrade === 'websocket' && offers(request, TUNNEL)) {
      // The name has a slash, which RFC 6455 does not allow and the library refuses: it is answered by hand.
      delete request.headers['sec-websocket-protocol'];
      this.#tunnels.handleUpgrade(request, socket, head, (accepted) =>
        servePortForward(createWebSocketStream(accepted), asked),
      );
    } else if (upgrade === 'websocket' && offers(request, CHANNELS_PROTOCOL)) {
      const ports = portsOf(new URL(request.url ?? '/', 'http://kubelet').searchParams);
      if (ports === undefined) refuseUpgrade(socket, '400 Bad Request', PORTS_WANTED);
      else {
        this.#channels.handleUpgrade(request, socket, head, (accepted) =>
          serveChannels({ socket: accepted, connection: socket, ports }, asked),
        );
      }
    } else if (upgrade === 'spdy/3.1') {
      if (this.#spdy.accept(request, connection, [PROTOCOL]) !== undefined) servePortForward(socket, asked);
    } else {
      const message = `port-forward is served over SPDY/3.1 (${PROTOCOL}) and over WebSocket (${TUNNEL}, ${CHANNELS_PROTOCOL})`;
      refuseUpgrade(socket, '400 Bad Request', message);
    }
  }
}

function offers({ headers }: IncomingMessage, protocol: string): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((it) => it.trim() === protocol);
}
