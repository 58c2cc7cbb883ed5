// Builds one netlink message: header, fixed part, attributes, padded as linux/netlink.h says. Byte order is the host's, little endian on x86-64 and arm64.

import { NLA_F_NESTED } from './constants.ts';

const HEADER_BYTES = 16;
const FIRST_CAPACITY = 512;
const UTF8 = new TextEncoder();

/** Header of a request; the sequence number is set by whoever sends it (`setSequence`). */
export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
}

/** A growing message. Methods return the writer, so that a message reads as one expression. */
export class MessageWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_BYTES;

  constructor(header: MessageHeader) {
    this.#view.setUint16(4, header.type, true);
    this.#view.setUint16(6, header.flags, true);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    this.#reserve(8 + value.length);
    this.#attributeHeader(type, value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this.#pad();
  }

  attributeU8(type: number, value: number): this {
    this.#reserve(8);
    this.#attributeHeader(type, 1);
    return this.u8(value).#pad();
  }

  attributeU32(type: number, value: number): this {
    this.#reserve(8);
    this.#attributeHeader(type, 4);
    return this.u32(value);
  }

  /** A zero-terminated string. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, UTF8.encode(`${text}\0`));
  }

  /** An attribute whose value `write` writes; marked NLA_F_NESTED, which strict checking asks for. */
  nest(type: number, write: (writer: this) => void): this {
    this.#reserve(4);
    const start = this.#length;
    this.#attributeHeader(type | NLA_F_NESTED, 0);
    write(this);
    this.#view.setUint16(start, this.#length - start, true);
    return this;
  }

  /** The message with its length filled in; the writer must not be used afterwards. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#length, true);
    return this.#bytes.subarray(0, this.#length);
  }

  #attributeHeader(type: number, valueBytes: number): void {
    this.#view.setUint16(this.#length, 4 + valueBytes, true);
    this.#view.setUint16(this.#length + 2, type, true);
    this.#length += 4;
  }

  #pad(): this {
    this.#reserve(4);
    this.#length = (this.#length + 3) & ~3;
    return this;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Writes the sequence number into a finished message; answers carry the same one. */
export function setSequence(message: Uint8Array, sequence: number): void {
  new DataView(message.buffer, message.byteOffset).setUint32(8, sequence, true);
}

/** Asks for an acknowledgement of a finished message, as the last one of a batch does. */
export function addFlags(message: Uint8Array, flags: number): void {
  const view = new DataView(message.buffer, message.byteOffset);
  view.setUint16(6, view.getUint16(6, true) | flags, true);
}
