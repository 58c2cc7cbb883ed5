// A bound UDP socket served in batches: dozens of datagrams per system call in both directions. Node's own takes one call for each, which is most of what a
// small answer costs.

import koffi from 'koffi';
import { ipFromBytes, type Family, type Ip } from '../base/ip.ts';
import { kernelError } from './errno.ts';
import { addressOf, close, lastErrno, recvmmsg, sendmmsg } from './ffi.ts';

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
  /** `bytes` are its own. Must not throw. */
  readonly onDatagram: (bytes: Buffer, from: DatagramSource) => void;
  readonly onError: (error: Error) => void;
}

const BATCH = 32;
/** Longer datagrams come cut off: no question is so long, and no answer may be. */
export const MAX_DATAGRAM_BYTES = 4096;
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

class Server implements DatagramServer {
  readonly #fd: number;
  readonly #handlers: DatagramHandlers;
  readonly #in: MessageBatch;
  readonly #out: MessageBatch;
  readonly #sources: Sources;
  readonly #poll: ReturnType<typeof koffi.node.poll>;
  #waiting = 0;
  #isReading = false;
  #isFlushDue = false;
  #isOpen = true;

  constructor(fd: number, family: Family, handlers: DatagramHandlers) {
    this.#fd = fd;
    this.#handlers = handlers;
    this.#in = new MessageBatch();
    this.#out = new MessageBatch();
    this.#sources = new Sources(family);
    // Promises that are settled in this callback would wait for the next one of Node's own, which may be seconds away: what is there is read in one of those.
    this.#poll = koffi.node.poll(fd, { readable: true }, () => setImmediate(() => this.#read()));
  }

  send(bytes: Uint8Array, to: DatagramSource): void {
    if (!this.#isOpen || to.port === 0) return;
    if (bytes.length > MAX_DATAGRAM_BYTES)
      throw new RangeError(`an answer of ${bytes.length} octets by UDP, ${MAX_DATAGRAM_BYTES} at most`);
    if (this.#waiting === BATCH) this.#flush();
    this.#out.put(this.#waiting++, bytes, to.address);
    if (this.#isReading || this.#isFlushDue) return;
    // Of those that come late several may be ready in one turn.
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (this.#isOpen) this.#flush();
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#poll.stop();
    close(this.#fd);
  }

  #read(): void {
    if (!this.#isOpen) return;
    this.#isReading = true;
    try {
      for (let i = 0; i < BATCHES && this.#isOpen; i++) if (this.#readBatch() < BATCH) break;
    } finally {
      this.#isReading = false;
      if (this.#isOpen) this.#flush();
    }
  }

  #readBatch(): number {
    this.#in.expect();
    const got = recvmmsg(this.#fd, this.#in.headers, BATCH, MSG_DONTWAIT, null);
    if (got < 0) {
      this.#refused('receive a datagram');
      return 0;
    }
    for (let i = 0; i < got; i++)
      this.#handlers.onDatagram(this.#in.bytes(i), this.#sources.of(this.#in.address(i)));
    return got;
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

/** struct mmsghdr: a struct msghdr of 56 octets, and how long the message was (linux/socket.h, 64 bits). */
const HEADER = { bytes: 64, nameLength: 8, vectorLength: 24, length: 56 } as const;
const ADDRESS_BYTES = 28;
/** Room of an address, and of the descriptor of the message's octets. */
const [ADDRESS_ROOM, VECTOR_BYTES] = [32, 16];

/** `BATCH` messages with room for each, in memory that stays where it is. */
class MessageBatch {
  readonly headers = Buffer.alloc(BATCH * HEADER.bytes);
  readonly #addresses = Buffer.alloc(BATCH * ADDRESS_ROOM);
  readonly #vectors = Buffer.alloc(BATCH * VECTOR_BYTES);
  readonly #data = Buffer.alloc(BATCH * MAX_DATAGRAM_BYTES);
  /** The headers from each one on. */
  readonly #tails: readonly Buffer[];

  constructor() {
    const [addresses, vectors, data] = [this.#addresses, this.#vectors, this.#data].map(addressOf) as [
      bigint,
      bigint,
      bigint,
    ];
    for (let i = 0; i < BATCH; i++) {
      const header = i * HEADER.bytes;
      this.headers.writeBigUInt64LE(addresses + BigInt(i * ADDRESS_ROOM), header);
      this.headers.writeBigUInt64LE(vectors + BigInt(i * VECTOR_BYTES), header + 16);
      this.headers.writeBigUInt64LE(1n, header + HEADER.vectorLength);
      this.#vectors.writeBigUInt64LE(data + BigInt(i * MAX_DATAGRAM_BYTES), i * VECTOR_BYTES);
    }
    this.#tails = Array.from({ length: BATCH }, (_, i) => this.headers.subarray(i * HEADER.bytes));
  }

  /** Ready to be received into. */
  expect(): void {
    for (let i = 0; i < BATCH; i++) {
      this.headers.writeUInt32LE(ADDRESS_BYTES, i * HEADER.bytes + HEADER.nameLength);
      this.#vectors.writeUInt32LE(MAX_DATAGRAM_BYTES, i * VECTOR_BYTES + 8);
    }
  }

  from(first: number): Buffer {
    return this.#tails[first] ?? this.headers;
  }

  put(i: number, bytes: Uint8Array, address: Uint8Array): void {
    this.#data.set(bytes, i * MAX_DATAGRAM_BYTES);
    this.#vectors.writeUInt32LE(bytes.length, i * VECTOR_BYTES + 8);
    this.#addresses.set(address, i * ADDRESS_ROOM);
    this.headers.writeUInt32LE(address.length, i * HEADER.bytes + HEADER.nameLength);
  }

  /** A copy: the room is used again, and some are answered later. */
  bytes(i: number): Buffer {
    const length = this.headers.readUInt32LE(i * HEADER.bytes + HEADER.length);
    const copy = Buffer.allocUnsafe(length);
    this.#data.copy(copy, 0, i * MAX_DATAGRAM_BYTES, i * MAX_DATAGRAM_BYTES + length);
    return copy;
  }

  address(i: number): Buffer {
    const length = this.headers.readUInt32LE(i * HEADER.bytes + HEADER.nameLength);
    return this.#addresses.subarray(i * ADDRESS_ROOM, i * ADDRESS_ROOM + length);
  }
}

/** Texts of the addresses that ask, which are few: making one costs as much as half an answer. */
class Sources {
  readonly #ipBytes: readonly [start: number, end: number];
  readonly #ips = new Map<string, Ip>();

  constructor(family: Family) {
    this.#ipBytes = family === 4 ? [4, 8] : [8, 24];
  }

  of(address: Buffer): DatagramSource {
    const [start, end] = this.#ipBytes;
    const key = address.toString('latin1', start, end);
    let ip = this.#ips.get(key);
    if (ip === undefined) {
      if (this.#ips.size >= MAX_SOURCES) this.#ips.clear();
      ip = ipFromBytes(address.subarray(start, end));
      this.#ips.set(key, ip);
    }
    return { ip, port: address.readUInt16BE(2), address: Buffer.from(address) };
  }
}
