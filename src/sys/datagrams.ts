// A bound UDP socket served in batches: dozens of datagrams per system call in both directions. Node's own takes one call for each, which is most of what a
// small answer costs.

import koffi from 'koffi';
import { ipFromBytes, type Family, type Ip } from '../base/ip.ts';
import { kernelError } from './errno.ts';
import { close, lastErrno, recvmmsg, sendmmsg } from './ffi.ts';
import { BATCH, MAX_DATAGRAM_BYTES, MessageBatch } from './message-batch.ts';

/** Where a datagram came from, and where an answer to it goes. */
export interface DatagramSource {
  readonly ip: Ip;
  /** 0 where it is forged: nothing can be sent there. */
  readonly port: number;
  /** struct sockaddr_in or sockaddr_in6. */
  readonly address: Uint8Array;
}

export interface DatagramServer {
  /** Sent at the end of the turn, together with all others. What the kernel does not take is lost, as datagrams are. */
  send(bytes: Uint8Array, to: DatagramSource): void;
  close(): void;
}

export interface DatagramHandlers {
  /**
   * Writes into `room` what is answered at once, and returns its length; 0 for what is not. `bytes` are lent: others come into their place. No promise may
   * be made or settled here, since nobody would look at it before the loop's next turn. Must not throw.
   */
  readonly answer?: (bytes: Buffer, from: Ip, room: Buffer) => number;
  /** All others. `bytes` are its own. Must not throw. */
  readonly onDatagram: (bytes: Buffer, from: DatagramSource) => void;
  readonly onError: (error: Error) => void;
}

/** Batches per turn of the loop: others have their turn too. */
const BATCHES = 8;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const EINTR = 4;
/** Sources whose text is kept; as many as pods of a node, and more than a flood of forged ones may take. */
const MAX_SOURCES = 1024;

/** Owns the descriptor: closes it at the end. */
export function serveDatagrams(fd: number, family: Family, handlers: DatagramHandlers): DatagramServer {
  return new Server(fd, family, handlers);
}

interface Datagram {
  readonly bytes: Buffer;
  readonly from: DatagramSource;
}

class Server implements DatagramServer {
  readonly #fd: number;
  readonly #handlers: DatagramHandlers;
  readonly #in: MessageBatch;
  readonly #out: MessageBatch;
  readonly #sources: Sources;
  readonly #poll: ReturnType<typeof koffi.node.poll>;
  #waiting = 0;
  /** What was not answered at once in this turn. */
  #later: Datagram[] = [];
  #isFlushDue = false;
  #isOpen = true;

  constructor(fd: number, family: Family, handlers: DatagramHandlers) {
    this.#fd = fd;
    this.#handlers = handlers;
    this.#in = new MessageBatch();
    this.#out = new MessageBatch();
    this.#sources = new Sources(family);
    this.#in.expect(BATCH);
    this.#poll = koffi.node.poll(fd, { readable: true }, () => this.#read());
  }

  send(bytes: Uint8Array, to: DatagramSource): void {
    if (!this.#isOpen || to.port === 0) return;
    if (bytes.length > MAX_DATAGRAM_BYTES)
      throw new RangeError(`an answer of ${bytes.length} octets by UDP, ${MAX_DATAGRAM_BYTES} at most`);
    if (this.#waiting === BATCH) this.#flush();
    this.#out.put(this.#waiting++, bytes, to.address);
    if (this.#isFlushDue) return;
    // Of those that come late several may be ready in one turn.
    this.#isFlushDue = true;
    setImmediate(() => this.#flushDue());
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#poll.stop();
    close(this.#fd);
  }

  #read(): void {
    for (let i = 0; i < BATCHES && this.#isOpen; i++) if (this.#readBatch() < BATCH) break;
    if (this.#later.length === 0) return;
    // Promises that are settled in the poll's callback would wait for the next one of Node's own, which may be seconds away: here they do not.
    setImmediate(() => this.#handOver());
  }

  #readBatch(): number {
    const got = recvmmsg(this.#fd, this.#in.headers, BATCH, MSG_DONTWAIT, null);
    if (got < 0) {
      this.#refused('receive a datagram');
      return 0;
    }
    for (let i = 0; i < got; i++) if (!this.#isAnswered(i)) this.#later.push(this.#datagram(i));
    this.#in.expect(got);
    // Whoever is answered does not wait for the next batch.
    this.#flush();
    return got;
  }

  #isAnswered(i: number): boolean {
    const bytes = this.#in.lent(i);
    if (bytes === undefined || this.#in.port(i) === 0) return false;
    if (this.#waiting === BATCH) this.#flush();
    const to = this.#waiting;
    const length = this.#handlers.answer?.(bytes, this.#sources.of(this.#in, i), this.#out.room(to)) ?? 0;
    if (length === 0) return false;
    this.#out.reply(to, length, this.#in, i);
    this.#waiting++;
    return true;
  }

  #datagram(i: number): Datagram {
    const from = { ip: this.#sources.of(this.#in, i), port: this.#in.port(i), address: this.#in.address(i) };
    return { bytes: this.#in.bytes(i), from };
  }

  #handOver(): void {
    const later = this.#later;
    this.#later = [];
    this.#isFlushDue = true;
    try {
      for (const { bytes, from } of later) if (this.#isOpen) this.#handlers.onDatagram(bytes, from);
    } finally {
      this.#flushDue();
    }
  }

  #flushDue(): void {
    this.#isFlushDue = false;
    if (this.#isOpen) this.#flush();
  }

  #flush(): void {
    const count = this.#waiting;
    this.#waiting = 0;
    for (let sent = 0; sent < count;) {
      const now = sendmmsg(this.#fd, this.#out.from(sent), count - sent, MSG_DONTWAIT);
      // The first of the rest is what was refused; the others may pass.
      if (now < 0) this.#refused('send a datagram');
      sent += Math.max(1, now);
    }
  }

  #refused(action: string): void {
    const errno = lastErrno();
    if (errno !== EAGAIN && errno !== EINTR) this.#handlers.onError(kernelError({ action, errno }));
  }
}

interface Source {
  readonly ip: Ip;
  /** Of the address of a message. */
  readonly words: readonly number[];
}

/** Texts of the addresses that ask, which are few: making one costs more than an answer. */
class Sources {
  /** Words of the address in a struct sockaddr. */
  readonly #words: readonly number[];
  /** One for each sum of the words: of two that have the same the later one takes the place of the other. */
  readonly #bySum = new Map<number, Source>();

  constructor(family: Family) {
    this.#words = family === 4 ? [1] : [2, 3, 4, 5];
  }

  of(batch: MessageBatch, i: number): Ip {
    let sum = 0;
    for (const word of this.#words) sum = Math.imul(sum, 31) + batch.addressWord(i, word);
    sum |= 0;
    const known = this.#bySum.get(sum);
    if (known !== undefined && this.#words.every((word, k) => known.words[k] === batch.addressWord(i, word)))
      return known.ip;
    if (this.#bySum.size >= MAX_SOURCES) this.#bySum.clear();
    const words = this.#words.map((word) => batch.addressWord(i, word));
    const ip = ipFromBytes(Buffer.from(Uint32Array.from(words).buffer));
    this.#bySum.set(sum, { ip, words });
    return ip;
  }
}
