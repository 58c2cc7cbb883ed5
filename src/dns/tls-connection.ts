// One connection to an upstream by DNS over TLS (RFC 7858): many queries at once, answers in any order (RFC 7766 6.2.1.1).

import type { TLSSocket } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import { MAX_MESSAGE_BYTES } from '../wire/dns/constants.ts';
import type { Done } from './exchange.ts';
import { frameMessage, MessageFramer } from './message-framer.ts';
import { matchReply, type UpstreamQuery } from './upstream-query.ts';

/** Kept this long without a query: servers end idle connections themselves after some seconds (RFC 7858 3.4). */
const IDLE_MS = 10_000;
const MAX_OPEN = 1024;

interface Waiting {
  readonly query: UpstreamQuery;
  readonly done: Done;
  /** Told when the connection ends before the answer. */
  readonly lost: (because: string) => void;
}

export class TlsConnection {
  readonly #socket: TLSSocket;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #framer = new MessageFramer(MAX_MESSAGE_BYTES);
  #nextId = 0;
  #answers = 0;
  #hasEnded = false;
  #because = 'it closed the connection';

  /** `socket` has made its handshake; `onEnd` is called once, before the waiting queries hear of it. */
  constructor(socket: TLSSocket, onEnd: () => void) {
    this.#socket = socket;
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', (error) => (this.#because = messageOf(error)));
    this.#onEnd = onEnd;
    socket.on('close', () => this.#end());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  /** How many came so far: none since a query was sent means that the connection may lead nowhere by now. */
  get answers(): number {
    return this.#answers;
  }

  /** Sends the query under an id of this connection; returns what forgets it again. */
  send(query: UpstreamQuery, done: Done, lost: (because: string) => void): () => void {
    if (this.#waiting.size >= MAX_OPEN) {
      done({ kind: 'unreachable', because: `${MAX_OPEN} questions are open` });
      return () => undefined;
    }
    const id = this.#freeId();
    const bytes = Buffer.from(query.bytes);
    bytes.writeUInt16BE(id, 0);
    this.#waiting.set(id, { query: { ...query, id, bytes }, done, lost });
    this.#socket.write(frameMessage(bytes));
    return () => this.#waiting.delete(id);
  }

  /** At once for its owner: nothing is sent on it any more. */
  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #freeId(): number {
    do this.#nextId = (this.#nextId + 1) & 0xffff;
    while (this.#waiting.has(this.#nextId));
    return this.#nextId;
  }

  #receive(chunk: Buffer): void {
    const messages = this.#framer.push(chunk) ?? [];
    for (const bytes of messages) {
      const waiting = bytes.length < 2 ? undefined : this.#waiting.get(bytes.readUInt16BE(0));
      const message = waiting === undefined ? undefined : matchReply(waiting.query, bytes);
      if (message === undefined) continue;
      this.#answers++;
      waiting?.done({ kind: 'reply', message });
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { lost } of waiting) lost(this.#because);
  }
}
