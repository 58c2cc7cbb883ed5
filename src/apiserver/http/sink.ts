// The writing end of a streamed answer over HTTP: lines of one turn go out together, what is not taken is counted.

import type { ServerResponse } from 'node:http';
import type { ReplySink } from './request.ts';

export class ResponseSink implements ReplySink {
  readonly signal: AbortSignal;
  readonly #response: ServerResponse;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isScheduled = false;

  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.signal = signal;
  }

  get pendingBytes(): number {
    return this.#queuedBytes + this.#response.writableLength;
  }

  write(chunk: Buffer | string): void {
    if (this.signal.aborted) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // One TLS record for a burst of events instead of one per event: those of one commit come without a pause.
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#queue.length === 0 || this.#response.destroyed) return;
    this.#response.write(this.#queue.length === 1 ? this.#queue[0] : Buffer.concat(this.#queue));
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  drained(): Promise<void> {
    this.flush();
    if (!this.#response.writableNeedDrain || this.#response.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }

  destroy(): void {
    this.#response.destroy();
  }
}
