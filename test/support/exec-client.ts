// Clients of an exec for tests, one per protocol: they write and read on a connection as kubectl does, and show what came.

import http from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { SpdyFrame, SpdyHeaders } from '../../src/wire/spdy/frame.ts';
import { FrameReader } from '../../src/wire/spdy/frame-reader.ts';
import { FrameWriter } from '../../src/wire/spdy/frame-writer.ts';

export interface ExecCall {
  readonly socketPath: string;
  readonly path?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly protocol?: string;
}

/** What both protocols can do. */
export interface ExecClient {
  readonly stdout: () => Buffer;
  readonly stderr: () => Buffer;
  /** The text of the error channel. */
  readonly error: () => string;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  /** Standard input; false where the connection takes no more for now. */
  write(bytes: Uint8Array): boolean;
  endStdin(): void;
  resize(width: number, height: number): void;
  /** Reads nothing any more, until told again. */
  pause(): void;
  resume(): void;
  /** Hangs up without a word. */
  vanish(): void;
}

class Received {
  readonly #parts = new Map<string, Buffer[]>();

  add(channel: string, bytes: Uint8Array): void {
    const parts = this.#parts.get(channel) ?? [];
    parts.push(Buffer.from(bytes));
    this.#parts.set(channel, parts);
  }

  of(channel: string): Buffer {
    return Buffer.concat(this.#parts.get(channel) ?? []);
  }
}

function pathOf(call: ExecCall): string {
  const query = new URLSearchParams({ command: 'x', stdout: 'true' });
  query.set(call.tty === true ? 'tty' : 'stderr', 'true');
  if (call.stdin === true) query.set('stdin', 'true');
  return `${call.path ?? '/exec/default/pod/main'}?${query.toString()}`;
}

const CHANNELS = ['stdin', 'stdout', 'stderr', 'error', 'resize'];

export async function openWebSocketExec(call: ExecCall): Promise<ExecClient> {
  const socket = new WebSocket(
    `ws+unix://${call.socketPath}:${pathOf(call)}`,
    call.protocol ?? 'v5.channel.k8s.io',
  );
  const received = new Received();
  socket.on('message', (data: Buffer) => received.add(CHANNELS[data[0] ?? 0] ?? '', data.subarray(1)));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  const send = (channel: number, bytes: Uint8Array): boolean => {
    socket.send(Buffer.concat([Buffer.from([channel]), bytes]), () => undefined);
    return socket.bufferedAmount === 0;
  };
  return {
    stdout: () => received.of('stdout'),
    stderr: () => received.of('stderr'),
    error: () => received.of('error').toString(),
    closed,
    write: (bytes) => send(0, bytes),
    endStdin: () => void send(255, Buffer.from([0])),
    resize: (Width, Height) => void send(4, Buffer.from(JSON.stringify({ Width, Height }))),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    vanish: () => socket.terminate(),
  };
}

/** A SPDY client with its frames laid open, for what kubectl would not do. */
export class SpdyExecClient implements ExecClient {
  readonly frames: SpdyFrame[] = [];
  readonly closed: Promise<void>;
  readonly socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #received = new Received();
  readonly #channels = new Map<number, string>();

  constructor(socket: Duplex, head: Buffer) {
    this.socket = socket;
    this.closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    if (head.length > 0) this.#take(head);
  }

  send(frame: SpdyFrame): boolean {
    return this.socket.write(this.#writer.encode(frame));
  }

  /** What came on the channel is kept by its name; `headers` are those of an exec unless given. */
  open(channel: string, headers: SpdyHeaders = new Map([['streamtype', channel]])): number {
    const streamId = this.#channels.size * 2 + 1;
    this.#channels.set(streamId, channel);
    this.send({
      kind: 'syn-stream',
      streamId,
      associatedId: 0,
      priority: 0,
      headers,
      isFin: false,
      isUnidirectional: false,
    });
    return streamId;
  }

  received(channel: string): Buffer {
    return this.#received.of(channel);
  }

  stdout = (): Buffer => this.#received.of('stdout');
  stderr = (): Buffer => this.#received.of('stderr');
  error = (): string => this.#received.of('error').toString();

  write(bytes: Uint8Array): boolean {
    return this.data('stdin', bytes, false);
  }

  endStdin(): void {
    this.data('stdin', new Uint8Array(), true);
  }

  resize(Width: number, Height: number): void {
    this.data('resize', Buffer.from(`${JSON.stringify({ Width, Height })}\n`), false);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  vanish(): void {
    this.socket.destroy();
  }

  idOf(channel: string): number {
    return [...this.#channels].find(([, it]) => it === channel)?.[0] ?? 0;
  }

  data(channel: string, bytes: Uint8Array, isFin: boolean): boolean {
    return this.send({ kind: 'data', streamId: this.idOf(channel), bytes, isFin });
  }

  #take(bytes: Buffer): void {
    for (const frame of this.#reader.push(bytes)) {
      if (frame.kind === 'data') this.#received.add(this.#channels.get(frame.streamId) ?? '', frame.bytes);
      this.frames.push(frame);
    }
  }
}

/** The upgraded connection with no stream yet; rejects with code and text of a refusal. */
export function connectSpdy(call: ExecCall): Promise<SpdyExecClient> {
  const { socketPath, protocol = 'v4.channel.k8s.io' } = call;
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
  const request = http.request({ socketPath, path: pathOf(call), method: 'POST', headers, agent: false });
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('upgrade', (_response, socket, head) => resolve(new SpdyExecClient(socket, head)));
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => reject(new Error(`${response.statusCode ?? 0} ${text}`)));
    });
    request.end();
  });
}

export async function openSpdyExec(call: ExecCall): Promise<SpdyExecClient> {
  const client = await connectSpdy(call);
  const input = call.stdin === true ? ['stdin'] : [];
  const isOld = call.protocol === 'v2.channel.k8s.io';
  const output = call.tty === true ? ['stdout', ...(isOld ? [] : ['resize'])] : ['stdout', 'stderr'];
  for (const channel of ['error', ...input, ...output]) client.open(channel);
  return client;
}
