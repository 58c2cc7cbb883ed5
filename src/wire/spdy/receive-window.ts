// What the peer may send us, told to it again as it is consumed. Knows numbers only; what comes beyond it is the session's affair.

import { INITIAL_WINDOW_BYTES } from './constants.ts';

/** Every frame of its own would double the frames: announced at half a window. */
const ANNOUNCE_BYTES = INITIAL_WINDOW_BYTES / 2;

export class ReceiveWindow {
  #owed = 0;

  /** Counts bytes that have left our buffers; the delta to announce now, 0 while it is too little. */
  consume(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed < ANNOUNCE_BYTES) return 0;
    const delta = this.#owed;
    this.#owed = 0;
    return delta;
  }
}
