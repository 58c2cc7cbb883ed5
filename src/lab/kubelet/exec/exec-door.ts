// Takes upgraded connections for exec and attach: which protocol is spoken, which process is meant, and then the session.

import type { ChildProcess } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { WebSocketServer } from 'ws';
import { messageOf } from '../../../base/errors.ts';
import { runExec, runOutput } from './exec-session.ts';
import { failureStatus } from './exec-status.ts';
import type { ExecRequest, ExecTransport } from './exec-transport.ts';
import { openSpdyTransport, SPDY_EXEC_PROTOCOLS } from './spdy-transport.ts';
import { type Connection, refuseUpgrade, SpdyUpgrades } from './spdy-upgrades.ts';
import { MAX_FRAME_BYTES } from './websocket-channels.ts';
import { WebSocketTransport } from './websocket-transport.ts';

const WEBSOCKET_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** Starts the process of a request, or gives output alone; its rejection is told to the client. */
export type StartExec = (request: ExecRequest, gone: AbortSignal) => Promise<ChildProcess | Readable>;

export interface ExecDoorOptions {
  readonly pingMs?: number;
  /** What failures are told as. */
  readonly failed?: string;
}

/** How soon a dead client is noticed while its process neither reads nor writes. */
const PING_MS = 10_000;

export class ExecDoor {
  readonly #pingMs: number;
  readonly #failed: string;
  readonly #spdy = new SpdyUpgrades();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offered) => WEBSOCKET_PROTOCOLS.find((it) => offered.has(it)) ?? false,
  });

  constructor({ pingMs = PING_MS, failed = 'error executing command in container' }: ExecDoorOptions = {}) {
    this.#pingMs = pingMs;
    this.#failed = failed;
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#spdy.close();
  }

  /** Answers the handshake of either protocol; what cannot be spoken is refused in plain HTTP. */
  upgrade(request: IncomingMessage, connection: Connection, start: StartExec): void {
    const { socket, head } = connection;
    const asked = execRequestOf(request);
    const protocol = (request.headers.upgrade ?? '').toLowerCase();
    if (protocol === 'websocket') {
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
        void this.#serve(new WebSocketTransport(accepted, socket, asked), asked, start);
      });
    } else if (protocol === 'spdy/3.1') void this.#spdyUpgrade(request, connection, start);
    else refuseUpgrade(socket, '400 Bad Request', 'exec and attach are served over WebSocket and SPDY/3.1');
  }

  async #spdyUpgrade(request: IncomingMessage, connection: Connection, start: StartExec): Promise<void> {
    const chosen = this.#spdy.accept(request, connection, SPDY_EXEC_PROTOCOLS);
    if (chosen === undefined) return;
    const asked = execRequestOf(request);
    try {
      await this.#serve(await openSpdyTransport(connection.socket, chosen, asked), asked, start);
    } catch {
      // The client did not speak as agreed: its session is closed, and there is no stream to say more on.
    }
  }

  async #serve(transport: ExecTransport, asked: ExecRequest, start: StartExec): Promise<void> {
    try {
      const started = await start(asked, transport.gone);
      const options = { hasTty: asked.hasTty, pingMs: this.#pingMs, failed: this.#failed };
      if (started instanceof Readable) runOutput(transport, started, options);
      else runExec(transport, started, options);
    } catch (error) {
      transport.finish(failureStatus(this.#failed, messageOf(error)));
    }
  }
}

function execRequestOf(request: IncomingMessage): ExecRequest {
  const { searchParams } = new URL(request.url ?? '/', 'http://kubelet');
  const isTrue = (name: string): boolean => ['true', '1'].includes(searchParams.get(name) ?? '');
  return {
    hasStdin: isTrue('stdin'),
    hasStdout: isTrue('stdout'),
    hasStderr: isTrue('stderr'),
    hasTty: isTrue('tty'),
  };
}
