// One stream of a SPDY session as a Node stream. The session decides what may be sent and when reading stands still.

import { Duplex } from 'node:stream';
import type { SpdyHeaders } from '../../../wire/spdy/frame.ts';

/** What a stream asks of its session. */
export interface SpdyStreamOwner {
  /** Calls `done` when the bytes have been handed to the connection. */
  send(stream: SpdyStream, bytes: Uint8Array, done: (error?: Error | null) => void): void;
  sendEnd(stream: SpdyStream): void;
  /** The reader has taken `bytes` and wants more. */
  consumed(stream: SpdyStream, bytes: number): void;
  /** The reader has not taken what it has. */
  full(stream: SpdyStream): void;
}

export interface SpdyStreamHead {
  readonly id: number;
  readonly headers: SpdyHeaders;
}

/** Ends of both sides are separate; destroying it resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #owner: SpdyStreamOwner;
  #untold = 0;
  #isEnded = false;

  constructor({ id, headers }: SpdyStreamHead, owner: SpdyStreamOwner) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#owner = owner;
  }

  /** Bytes of the peer; `isFin` that they are its last. What comes behind the end or nobody wants is dropped. */
  receive(bytes: Uint8Array, isFin: boolean): void {
    if (this.#isEnded || this.destroyed) return;
    if (bytes.length > 0) {
      this.#untold += bytes.length;
      if (!this.push(bytes)) this.#owner.full(this);
    }
    if (!isFin) return;
    this.#isEnded = true;
    this.push(null);
  }

  override _read(): void {
    const bytes = this.#untold;
    this.#untold = 0;
    this.#owner.consumed(this, bytes);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#owner.send(this, chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#owner.sendEnd(this);
    done();
  }
}
