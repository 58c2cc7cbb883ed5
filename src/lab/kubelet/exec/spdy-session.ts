// The server's side of one SPDY/3.1 session on an upgraded connection: streams that the client opens, windows, pings, the end.
// Nothing is held without bound: reading stands still while a stream's reader is behind, and a client that asks for answers
// without reading them is cut off.

import type { Duplex } from 'node:stream';
import { hasCode } from '../../../base/errors.ts';
import { GOAWAY_STATUS, RST_STATUS, SETTING_INITIAL_WINDOW } from '../../../wire/spdy/constants.ts';
import type { SpdyFrame, SynStreamFrame } from '../../../wire/spdy/frame.ts';
import { FrameReader } from '../../../wire/spdy/frame-reader.ts';
import { FrameWriter } from '../../../wire/spdy/frame-writer.ts';
import { ReceiveWindow } from '../../../wire/spdy/receive-window.ts';
import { SendWindows } from '../../../wire/spdy/send-windows.ts';
import { ReadGate } from './read-gate.ts';
import { SpdyStream, type SpdyStreamOwner } from './spdy-stream.ts';

export interface SpdySessionOptions {
  readonly maxStreams: number;
  /** A stream that the client opened; it has its reply already. */
  readonly onStream: (stream: SpdyStream) => void;
}

/** Frames of one stream must let others in between. */
const MAX_FRAME_BYTES = 32_768;
/** Replies, pings and resets that the client has not taken. */
const MAX_BACKLOG_BYTES = 1024 * 1024;
/** How long a client may take to hang up after the end. */
const LINGER_MS = 10_000;

interface Pending {
  rest: Uint8Array;
  readonly done: (error?: Error | null) => void;
}

export class SpdySession implements SpdyStreamOwner {
  readonly #socket: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #reader = new FrameReader();
  readonly #writer = new FrameWriter();
  readonly #windows = new SendWindows();
  readonly #received = new Map<number, ReceiveWindow>([[0, new ReceiveWindow()]]);
  readonly #gate: ReadGate;
  readonly #streams = new Map<number, SpdyStream>();
  /** What waits for a wider window or for the connection, by stream: never more than one write of each. */
  readonly #pending = new Map<number, Pending>();
  readonly #gone = new AbortController();
  #lastId = 0;
  #pingId = 2;
  #isClosing = false;

  constructor(socket: Duplex, options: SpdySessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#gate = new ReadGate(socket);
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('drain', () => this.#flush());
    // SPDY has no half-closed connections: who ends it has gone.
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#end());
  }

  /** Aborted when the connection is closed, by whomever. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  ping(): void {
    this.#control({ kind: 'ping', id: this.#pingId });
    this.#pingId = (this.#pingId + 2) % 0x8000_0000;
  }

  /** Says good-bye behind all that was written and waits a while for the client to hang up. */
  close(status: number = GOAWAY_STATUS.ok): void {
    if (this.#isClosing || this.gone.aborted) return;
    this.#isClosing = true;
    this.#control({ kind: 'go-away', lastStreamId: this.#lastId, status });
    this.#socket.end();
    // Bytes that nobody reads would turn the end into a reset that takes our last words with it.
    for (const stream of this.#streams.values()) stream.resume();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.gone.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  send(stream: SpdyStream, bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#pending.set(stream.id, { rest: bytes, done });
    this.#advance(stream.id);
  }

  sendEnd({ id }: SpdyStream): void {
    this.#write({ kind: 'data', streamId: id, bytes: new Uint8Array(), isFin: true });
  }

  consumed(stream: SpdyStream, bytes: number): void {
    this.#gate.release(stream);
    this.#announce(0, bytes);
    this.#announce(stream.id, bytes);
  }

  full(stream: SpdyStream): void {
    if (!this.#isClosing) this.#gate.block(stream);
  }

  #announce(streamId: number, bytes: number): void {
    const delta = this.#received.get(streamId)?.consume(bytes) ?? 0;
    if (delta > 0) this.#control({ kind: 'window-update', streamId, delta });
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosing) return;
    try {
      for (const frame of this.#reader.push(bytes)) this.#take(frame);
    } catch (error) {
      if (!hasCode(error, 'invalid')) throw error;
      // What cannot be read leaves no frame boundary to go on from.
      this.#fail();
    }
  }

  #take(frame: SpdyFrame): void {
    switch (frame.kind) {
      case 'syn-stream':
        return this.#open(frame);
      case 'data':
        return this.#data(frame.streamId, frame.bytes, frame.isFin);
      case 'headers':
      case 'syn-reply':
        return this.#data(frame.streamId, new Uint8Array(), frame.isFin);
      case 'rst-stream':
        return this.#forget(frame.streamId);
      case 'ping':
        // Odd ones are the client's questions, even ones answers to ours.
        if (frame.id % 2 === 1) this.#control(frame);
        return;
      case 'window-update':
        this.#windows.widen(frame.streamId, frame.delta);
        return this.#flush();
      case 'settings': {
        const initial = frame.settings.get(SETTING_INITIAL_WINDOW);
        if (initial !== undefined) this.#windows.setInitial(initial);
        return this.#flush();
      }
      case 'go-away':
      // The client opens no more streams; those that are open go on.
    }
  }

  #open(frame: SynStreamFrame): void {
    const { streamId: id, headers } = frame;
    if (id % 2 === 0 || id <= this.#lastId) return this.#fail();
    this.#lastId = id;
    if (this.#streams.size >= this.#options.maxStreams || frame.isUnidirectional) {
      this.#control({ kind: 'rst-stream', streamId: id, status: RST_STATUS.refusedStream });
      return;
    }
    const stream = new SpdyStream({ id, headers }, this);
    this.#streams.set(id, stream);
    this.#windows.open(id);
    this.#received.set(id, new ReceiveWindow());
    stream.on('error', () => undefined);
    stream.on('close', () => this.#closed(stream));
    this.#control({ kind: 'syn-reply', streamId: id, headers: new Map(), isFin: false });
    this.#options.onStream(stream);
    if (frame.isFin) stream.receive(new Uint8Array(), true);
  }

  #data(id: number, bytes: Uint8Array, isFin: boolean): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) return stream.receive(bytes, isFin);
    this.#announce(0, bytes.length);
    // A stream that has ended may have bytes on the way; one that never was is a mistake.
    if (id > this.#lastId) {
      this.#control({ kind: 'rst-stream', streamId: id, status: RST_STATUS.invalidStream });
    }
  }

  /** The client reset the stream: nothing more is to be said on it. */
  #forget(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.destroy();
  }

  #closed(stream: SpdyStream): void {
    const { id } = stream;
    const isWhole = stream.readableEnded && stream.writableFinished;
    if (this.#streams.delete(id) && !isWhole) {
      this.#control({ kind: 'rst-stream', streamId: id, status: RST_STATUS.cancel });
    }
    this.#windows.close(id);
    this.#received.delete(id);
    this.#pending.delete(id);
    this.#gate.release(stream);
  }

  #flush(): void {
    for (const id of this.#pending.keys()) this.#advance(id);
  }

  /** Sends what window and connection take of a stream's pending write. */
  #advance(id: number): void {
    const pending = this.#pending.get(id);
    while (pending !== undefined && pending.rest.length > 0 && !this.#socket.writableNeedDrain) {
      const size = this.#windows.allowed(id, Math.min(pending.rest.length, MAX_FRAME_BYTES));
      if (size === 0) return;
      this.#windows.spend(id, size);
      this.#write({ kind: 'data', streamId: id, bytes: pending.rest.subarray(0, size), isFin: false });
      pending.rest = pending.rest.subarray(size);
    }
    if (pending?.rest.length !== 0) return;
    this.#pending.delete(id);
    pending.done();
  }

  #control(frame: SpdyFrame): void {
    if (this.#socket.writableLength > MAX_BACKLOG_BYTES) this.#socket.destroy();
    else this.#write(frame);
  }

  #write(frame: SpdyFrame): void {
    if (!this.#socket.destroyed && !this.#socket.writableEnded)
      this.#socket.write(this.#writer.encode(frame));
  }

  #fail(): void {
    this.#socket.once('finish', () => this.#socket.destroy());
    this.close(GOAWAY_STATUS.protocolError);
  }

  #end(): void {
    this.#gone.abort();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.destroy();
  }
}
