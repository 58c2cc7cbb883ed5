// One connection to the DNS process's feed: requests out with back-pressure, one reply at a time. Reconnects nothing.

import { connect, type Socket } from 'node:net';
import { FairleadError } from '../base/errors.ts';
import { parseFeedReply, type FeedReply, type FeedRequest } from './feed-protocol.ts';
import { frameJson, JsonFramer } from './json-frames.ts';

const REPLY_TIMEOUT_MS = 10_000;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class FeedLink {
  readonly #socket: Socket;
  readonly #framer = new JsonFramer();
  readonly #onFailed: () => void;
  #failure: { readonly error: unknown } | undefined;
  #reply: FeedReply | undefined;
  #waiting: Waiting | undefined;

  private constructor(socket: Socket, onFailed: () => void) {
    this.#socket = socket;
    this.#onFailed = onFailed;
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () =>
      this.#fail(new FairleadError('unavailable', 'Cannot publish zone: connection closed')),
    );
    socket.on('connect', () => this.#proceed());
    socket.on('drain', () => this.#proceed());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  /** Resolves when connected; `onFailed` is called once when the connection fails later, for whatever reason. */
  static async open(path: string, signal: AbortSignal, onFailed: () => void): Promise<FeedLink> {
    const socket = connect({ path });
    const link = new FeedLink(socket, onFailed);
    const onAbort = (): void => void socket.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('close', () => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
    await link.#next();
    return link;
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Sends the requests and returns the one reply they lead to; rejects when the connection fails or no reply comes. */
  async ask(requests: Iterable<FeedRequest>): Promise<FeedReply> {
    this.#reply = undefined;
    for (const request of requests) {
      this.throwIfFailed();
      // A refusal in the middle of a change comes before its end.
      if (!this.#socket.write(frameJson(request)) && this.#reply === undefined) await this.#next();
    }
    const timer = setTimeout(
      () => this.#socket.destroy(new FairleadError('timeout', 'Cannot publish zone: no reply')),
      REPLY_TIMEOUT_MS,
    );
    try {
      while (this.#reply === undefined) await this.#next();
      return this.#reply;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Resolves at the next event of the connection, rejects when it fails. One waits at a time. */
  #next(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(asError(this.#failure.error));
      else this.#waiting = { resolve, reject };
    });
  }

  #proceed(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #receive(chunk: Buffer): void {
    try {
      for (const value of this.#framer.push(chunk)) this.#reply = parseFeedReply(value);
      this.#proceed();
    } catch (error) {
      this.#socket.destroy(asError(error));
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#onFailed();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new FairleadError('internal', String(error));
}
