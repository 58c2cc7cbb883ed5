// How much may be sent: a window per stream and one for the session (SPDY/3.1). Knows numbers only.
//
// kubectl's own implementation of SPDY (spdystream) neither counts windows nor ever widens one: a server that waited for it would
// stop for good after 64 KiB of output. Windows therefore bind from the moment the peer first speaks of them (WINDOW_UPDATE, or an
// initial window in SETTINGS); what was sent before is counted. Until then the transport's own back-pressure is the bound.

import { FairleadError } from '../../base/errors.ts';
import { INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES } from './constants.ts';

export class SendWindows {
  readonly #streams = new Map<number, number>();
  #session = INITIAL_WINDOW_BYTES;
  #initial = INITIAL_WINDOW_BYTES;
  #areBinding = false;

  open(streamId: number): void {
    this.#streams.set(streamId, this.#initial);
  }

  close(streamId: number): void {
    this.#streams.delete(streamId);
  }

  /** How much of `bytes` may go now; 0 means wait for the next change. */
  allowed(streamId: number, bytes: number): number {
    if (!this.#areBinding) return bytes;
    return Math.max(0, Math.min(bytes, this.#session, this.#streams.get(streamId) ?? 0));
  }

  spend(streamId: number, bytes: number): void {
    this.#session -= bytes;
    const left = this.#streams.get(streamId);
    if (left !== undefined) this.#streams.set(streamId, left - bytes);
  }

  /** Stream 0 is the session; an unknown stream has ended meanwhile. Throws `invalid` where a window grows beyond 31 bits. */
  widen(streamId: number, delta: number): void {
    this.#areBinding = true;
    if (streamId === 0) this.#session = widened(this.#session, delta);
    const left = this.#streams.get(streamId);
    if (left !== undefined) this.#streams.set(streamId, widened(left, delta));
  }

  /** The peer's SETTINGS: moves the windows of all open streams by the difference, below zero where more is out. */
  setInitial(bytes: number): void {
    this.#areBinding = true;
    const delta = bytes - this.#initial;
    widened(0, bytes);
    for (const [streamId, left] of this.#streams) this.#streams.set(streamId, widened(left, delta));
    this.#initial = bytes;
  }
}

function widened(window: number, delta: number): number {
  if (window + delta > MAX_WINDOW_BYTES) {
    throw new FairleadError('invalid', `Cannot widen a SPDY window by ${delta}: it would pass 31 bits`);
  }
  return window + delta;
}
