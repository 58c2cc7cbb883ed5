// Messages as recvmmsg(2) and sendmmsg(2) take them: structs and octets in memory that stays where it is. Knows no socket.

import { addressOf } from './ffi.ts';

/** Messages of a batch. */
export const BATCH = 32;
/** Longer datagrams come cut off: no question is so long, and no answer may be. */
export const MAX_DATAGRAM_BYTES = 4096;
/** Longer ones are no ordinary questions, and are copied. */
const MAX_LENT_BYTES = 512;

/** struct mmsghdr: a struct msghdr of 56 octets, and how long the message was (linux/socket.h, 64 bits). In words of 32 bits, as the others. */
const HEADER = { words: 16, name: 0, nameLength: 2, vector: 4, vectorLength: 6, length: 14 } as const;
/** struct iovec. */
const VECTOR = { words: 4, base: 0, length: 2 } as const;
/** Room for a struct sockaddr_in or sockaddr_in6. */
const ADDRESS_WORDS = 8;
const ADDRESS_BYTES = 28;

/** `BATCH` messages with room for each. */
export class MessageBatch {
  readonly headers = room(BATCH * HEADER.words * 4);
  readonly #vectorBytes = room(BATCH * VECTOR.words * 4);
  readonly #addressBytes = room(BATCH * ADDRESS_WORDS * 4);
  readonly #headers = wordsOf(this.headers);
  readonly #vectors = wordsOf(this.#vectorBytes);
  readonly #addresses = wordsOf(this.#addressBytes);
  readonly #rooms: readonly Buffer[];
  /** The headers from each one on. */
  readonly #tails: readonly Buffer[];
  /** First octets of each room, by how many: made once for each length, since a view costs as much as the rest of a small answer. */
  readonly #lent: readonly (Buffer | undefined)[][];

  constructor() {
    const each = Array.from({ length: BATCH }, (_, i) => i);
    const data = room(BATCH * MAX_DATAGRAM_BYTES);
    this.#rooms = each.map((i) => data.subarray(i * MAX_DATAGRAM_BYTES, (i + 1) * MAX_DATAGRAM_BYTES));
    this.#tails = each.map((i) => this.headers.subarray(i * HEADER.words * 4));
    this.#lent = each.map(() => []);
    const vectorsAt = addressOf(this.#vectorBytes);
    const addressesAt = addressOf(this.#addressBytes);
    const dataAt = addressOf(data);
    for (const i of each) {
      const header = i * HEADER.words;
      putPointer(this.#headers, header + HEADER.name, addressesAt + BigInt(i * ADDRESS_WORDS * 4));
      putPointer(this.#headers, header + HEADER.vector, vectorsAt + BigInt(i * VECTOR.words * 4));
      this.#headers[header + HEADER.vectorLength] = 1;
      putPointer(this.#vectors, i * VECTOR.words + VECTOR.base, dataAt + BigInt(i * MAX_DATAGRAM_BYTES));
    }
  }

  /** Makes the first `count` ready to be received into. */
  expect(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#headers[i * HEADER.words + HEADER.nameLength] = ADDRESS_BYTES;
      this.#vectors[i * VECTOR.words + VECTOR.length] = MAX_DATAGRAM_BYTES;
    }
  }

  from(first: number): Buffer {
    return this.#tails[first] ?? this.headers;
  }

  /** Where the octets of a message lie, or are to be written. */
  room(i: number): Buffer {
    return this.#rooms[i] ?? EMPTY;
  }

  put(i: number, bytes: Uint8Array, address: Uint8Array): void {
    this.room(i).set(bytes);
    this.#addressBytes.set(address, i * ADDRESS_WORDS * 4);
    this.#measure(i, bytes.length, address.length);
  }

  /** Makes the first `length` octets of the room of `i` a message to whom `other` had its message `from` from. */
  reply(i: number, length: number, other: MessageBatch, from: number): void {
    for (let word = 0; word < ADDRESS_WORDS; word++)
      this.#addresses[i * ADDRESS_WORDS + word] = other.addressWord(from, word);
    this.#measure(i, length, other.#addressLength(from));
  }

  /** A copy: the room is used again, and some are answered later. */
  bytes(i: number): Buffer {
    return Buffer.from(this.room(i).subarray(0, this.#length(i)));
  }

  /** The octets where they lie, until others are received; undefined for long ones. */
  lent(i: number): Buffer | undefined {
    const length = this.#length(i);
    const views = this.#lent[i];
    if (views === undefined || length > MAX_LENT_BYTES) return undefined;
    return (views[length] ??= this.room(i).subarray(0, length));
  }

  /** A copy. */
  address(i: number): Buffer {
    const start = i * ADDRESS_WORDS * 4;
    return Buffer.from(this.#addressBytes.subarray(start, start + this.#addressLength(i)));
  }

  addressWord(i: number, word: number): number {
    return this.#addresses[i * ADDRESS_WORDS + word] ?? 0;
  }

  port(i: number): number {
    return this.#addressBytes.readUInt16BE(i * ADDRESS_WORDS * 4 + 2);
  }

  #length(i: number): number {
    return this.#headers[i * HEADER.words + HEADER.length] ?? 0;
  }

  #addressLength(i: number): number {
    return this.#headers[i * HEADER.words + HEADER.nameLength] ?? 0;
  }

  #measure(i: number, bytes: number, addressBytes: number): void {
    this.#vectors[i * VECTOR.words + VECTOR.length] = bytes;
    this.#headers[i * HEADER.words + HEADER.nameLength] = addressBytes;
  }
}

const EMPTY = Buffer.alloc(0);

/** Outside of V8's heap, where a small array would be moved. */
function room(bytes: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(bytes));
}

function wordsOf(bytes: Buffer<ArrayBuffer>): Uint32Array {
  return new Uint32Array(bytes.buffer);
}

/** Of 64 bits, little end first as all machines that we run on. */
function putPointer(words: Uint32Array, at: number, pointer: bigint): void {
  words[at] = Number(BigInt.asUintN(32, pointer));
  words[at + 1] = Number(pointer >> 32n);
}
