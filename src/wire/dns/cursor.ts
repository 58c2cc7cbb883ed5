// A bounded read position in the bytes of one message; every read past the end throws `invalid`.

import { FairleadError } from '../../base/errors.ts';
import { MAX_NAME_BYTES } from './constants.ts';
import { nameFromLabels, type DnsName } from './name.ts';

export class DnsCursor {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#octet(this.#take(1));
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#octet(at) << 8) | this.#octet(at + 1);
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** A copy, so that what was read does not keep the whole datagram alive. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    // Not `slice()`: on a Buffer that is a view of the same memory.
    return Uint8Array.prototype.slice.call(this.#bytes, at, at + length);
  }

  /** Where `length` octets from here end; throws where they are not all there. */
  endOf(length: number): number {
    if (this.#offset + length > this.#bytes.length) throw truncated(this.#offset);
    return this.#offset + length;
  }

  /** A name, compressed or not. A pointer must go before the part that it ends, so that no chain of them is endless. */
  name(): DnsName {
    const labels: string[] = [];
    let at = this.#offset;
    let partStart = at;
    let resumeAt: number | undefined;
    for (let total = 1; ;) {
      const length = this.#octetAt(at);
      if (length === 0) break;
      if (length >= 0xc0) {
        resumeAt ??= at + 2;
        at = ((length & 0x3f) << 8) | this.#octetAt(at + 1);
        if (at >= partStart)
          throw new FairleadError('invalid', `Cannot read name: pointer to ${at} goes ahead`);
        partStart = at;
        continue;
      }
      total += length + 1;
      if (length > 0x3f || total > MAX_NAME_BYTES) {
        throw new FairleadError('invalid', `Cannot read name: bad length ${length} at ${at}`);
      }
      labels.push(this.#label(at + 1, length));
      at += length + 1;
    }
    this.#offset = resumeAt ?? at + 1;
    return nameFromLabels(labels);
  }

  expectEnd(): void {
    if (this.#offset !== this.#bytes.length) {
      throw new FairleadError('invalid', `Cannot read message: octets left at ${this.#offset}`);
    }
  }

  #label(at: number, length: number): string {
    if (at + length > this.#bytes.length) throw truncated(at);
    let label = '';
    for (let i = at; i < at + length; i++) label += String.fromCharCode(this.#octet(i));
    return label;
  }

  #octetAt(at: number): number {
    if (at >= this.#bytes.length) throw truncated(at);
    return this.#octet(at);
  }

  #octet(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #take(length: number): number {
    const at = this.#offset;
    this.#offset = this.endOf(length);
    return at;
  }
}

function truncated(at: number): FairleadError {
  return new FairleadError('invalid', `Cannot read message: it ends at ${at}, within a field`);
}
