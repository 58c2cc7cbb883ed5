// A client of port-forward for tests, in both of its forms: SPDY as it is, or its frames in a WebSocket.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createWebSocketStream, WebSocket } from 'ws';
import { eventually } from './eventually.ts';
import { connectSpdy, SpdyExecClient } from './exec-client.ts';

const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

export type PortForwardForm = 'SPDY' | 'WebSocket';

export interface PortForwardCall {
  readonly socketPath: string;
  readonly path: string;
}

export async function connectPortForward(
  form: PortForwardForm,
  call: PortForwardCall,
): Promise<SpdyExecClient> {
  if (form === 'SPDY') return connectSpdy({ ...call, protocol: 'portforward.k8s.io' });
  const headers = { 'Sec-WebSocket-Protocol': TUNNEL };
  const socket = new WebSocket(`ws+unix://${call.socketPath}:${call.path}`, { headers });
  // The name has a slash, which the library refuses on both sides: it is asked for and looked at by hand.
  socket.once('upgrade', ({ headers: answered }) => {
    assert.equal(answered['sec-websocket-protocol'], TUNNEL);
    delete answered['sec-websocket-protocol'];
  });
  await once(socket, 'open');
  return new SpdyExecClient(createWebSocketStream(socket), Buffer.alloc(0));
}

/** One forwarded connection as kubectl opens it: the error stream, ended at once, then the data stream. */
export class ForwardedPort {
  readonly #client: SpdyExecClient;
  readonly #name: string;

  constructor(client: SpdyExecClient, port: number, request: number) {
    this.#client = client;
    this.#name = String(request);
    const open = (type: string): number =>
      client.open(
        `${type} ${request}`,
        new Map([
          ['streamtype', type],
          ['port', String(port)],
          ['requestid', String(request)],
        ]),
      );
    open('error');
    client.data(`error ${this.#name}`, new Uint8Array(), true);
    open('data');
  }

  write(text: Uint8Array | string): boolean {
    return this.#client.data(`data ${this.#name}`, Buffer.from(text), false);
  }

  end(): void {
    this.#client.data(`data ${this.#name}`, new Uint8Array(), true);
  }

  reset(): void {
    this.#client.send({ kind: 'rst-stream', streamId: this.#client.idOf(`data ${this.#name}`), status: 5 });
  }

  get data(): Buffer {
    return this.#client.received(`data ${this.#name}`);
  }

  /** The error stream's text, once it has ended. */
  async error(): Promise<string> {
    await eventually(() => this.#hasEnded(`error ${this.#name}`));
    return this.#client.received(`error ${this.#name}`).toString();
  }

  async ended(): Promise<Buffer> {
    await eventually(() => this.#hasEnded(`data ${this.#name}`));
    return this.data;
  }

  #hasEnded(channel: string): boolean {
    const id = this.#client.idOf(channel);
    return this.#client.frames.some(
      (it) =>
        (it.kind === 'data' && it.streamId === id && it.isFin) ||
        (it.kind === 'rst-stream' && it.streamId === id),
    );
  }
}
