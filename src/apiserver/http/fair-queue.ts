// Turns for what costs much at once (lists): one after the other, clients by turns, and everything else in between. A client that lists in a loop
// then waits for itself, and nobody for it.

import { StatusError } from './status-error.ts';

/** As many of one client may wait; whoever asks for more is told to come again. */
const MAX_WAITING = 100;

export class FairQueue {
  /** By client, in the order of their next turn. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isRunning = false;

  /** Resolves when it is the client's turn; throws 429 where too many of its requests wait already. */
  turn(client: string): Promise<void> {
    const queue = this.#waiting.get(client) ?? [];
    if (queue.length >= MAX_WAITING) throw tooMany();
    return new Promise((resolve) => {
      queue.push(resolve);
      this.#waiting.set(client, queue);
      this.#run();
    });
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // What is at the door already comes first: it may be a short one.
    setImmediate(() => {
      this.#isRunning = false;
      this.#next();
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [client, queue] = first;
    const start = queue.shift();
    // Behind all others.
    this.#waiting.delete(client);
    if (queue.length > 0) this.#waiting.set(client, queue);
    if (this.#waiting.size > 0) this.#run();
    start?.();
  }
}

function tooMany(): StatusError {
  const message = 'too many requests of this client wait, please try again later';
  return new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds: 1 });
}
