// exec over a WebSocket (v4 and v5.channel.k8s.io): a channel for each stream.

import { Readable, Writable, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import type { ExecStatus } from './exec-status.ts';
import type { ExecRequest, ExecTransport } from './exec-transport.ts';
import { ReadGate } from './read-gate.ts';
import { hangUp, sendOn } from './websocket-channels.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5 only: the next byte names the channel that the client has ended. */
const CLOSE = 255;

/** A channel that the client fills; the connection stands still while it is full. */
class Inlet extends Readable {
  readonly #gate: ReadGate;
  #isFinished = false;

  constructor(gate: ReadGate) {
    super();
    this.#gate = gate;
    this.on('close', () => gate.release(this));
  }

  /** What comes behind the end is dropped. */
  feed(body: Buffer): void {
    if (this.#isFinished || this.destroyed || body.length === 0) return;
    if (!this.push(body)) this.#gate.block(this);
  }

  finish(): void {
    if (!this.#isFinished) this.push(null);
    this.#isFinished = true;
  }

  override _read(): void {
    this.#gate.release(this);
  }
}

export class WebSocketTransport implements ExecTransport {
  readonly stdin: Inlet | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly sizes: Inlet | undefined;
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #gate: ReadGate;
  readonly #gone = new AbortController();

  /** `connection` is what the WebSocket goes over. */
  constructor(socket: WebSocket, connection: Duplex, request: ExecRequest) {
    this.#socket = socket;
    this.#connection = connection;
    this.#gate = new ReadGate(socket);
    this.stdin = request.hasStdin ? new Inlet(this.#gate) : undefined;
    this.sizes = request.hasTty ? new Inlet(this.#gate) : undefined;
    this.stdout = request.hasStdout ? this.#outlet(STDOUT) : undefined;
    this.stderr = request.hasStderr && !request.hasTty ? this.#outlet(STDERR) : undefined;
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('close', () => this.#end());
    // A broken connection is closed by the library, which is what counts.
    socket.on('error', () => undefined);
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  finish(status: ExecStatus): void {
    const outputs = [this.stdout, this.stderr].filter((it) => it !== undefined);
    for (const output of outputs) output.end();
    void Promise.allSettled(outputs.map((output) => finished(output))).then(() => {
      sendOn(this.#socket, ERROR, Buffer.from(JSON.stringify(status)));
      hangUp(this.#socket, this.#connection);
    });
  }

  #receive(data: Buffer): void {
    const body = data.subarray(1);
    if (data[0] === STDIN) this.stdin?.feed(body);
    else if (data[0] === RESIZE) this.sizes?.feed(body);
    else if (data[0] === CLOSE && body[0] === STDIN) this.stdin?.finish();
  }

  #outlet(channel: number): Writable {
    // kubectl waits for the first frame of a stream before it counts it as open.
    sendOn(this.#socket, channel, Buffer.alloc(0));
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => sendOn(this.#socket, channel, chunk, done),
    });
  }

  #end(): void {
    this.#gone.abort();
    for (const stream of [this.stdin, this.sizes, this.stdout, this.stderr]) stream?.destroy();
  }
}
