// Sets of small numbers as bits: pairs of thousands of ends are judged a word at a time.

/** A set of numbers below the length that it was made for. */
export type Bits = Uint32Array;

export function noBits(length: number): Bits {
  return new Uint32Array((length + 31) >>> 5);
}

/** All numbers below `length`, and none above. */
export function allBits(length: number): Bits {
  const bits = noBits(length).fill(0xffff_ffff);
  const rest = length & 31;
  // A shift by 32 would be one by none.
  if (rest !== 0) bits[bits.length - 1] = 2 ** rest - 1;
  return bits;
}

export function hasBit(bits: Bits, at: number): boolean {
  return (((bits[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1;
}

export function setBit(bits: Bits, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
}

/** Adds to `into` what `bits` and `mask` share. */
export function addShared(into: Bits, bits: Bits, mask: Bits): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) | ((bits[i] ?? 0) & (mask[i] ?? 0));
}

export function addBits(into: Bits, bits: Bits): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) | (bits[i] ?? 0);
}

export function removeBits(from: Bits, bits: Bits): void {
  for (let i = 0; i < from.length; i++) from[i] = (from[i] ?? 0) & ~(bits[i] ?? 0);
}

export function sharedBits(a: Bits, b: Bits): Bits {
  const shared = new Uint32Array(a.length);
  addShared(shared, a, b);
  return shared;
}

export function isNone(bits: Bits): boolean {
  for (const word of bits) if (word !== 0) return false;
  return true;
}

/** Whether all of `inner` is in `outer`. */
export function hasBits(outer: Bits, inner: Bits): boolean {
  for (let i = 0; i < inner.length; i++) if (((inner[i] ?? 0) & ~(outer[i] ?? 0)) !== 0) return false;
  return true;
}

export function areSameBits(a: Bits, b: Bits): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function countBits(bits: Bits): number {
  let count = 0;
  for (const word of bits) for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The numbers of the set in order. */
export function* bitsIn(bits: Bits): Generator<number> {
  for (let i = 0; i < bits.length; i++) {
    let word = bits[i] ?? 0;
    while (word !== 0) {
      const lowest = 31 - Math.clz32(word & -word);
      yield i * 32 + lowest;
      word &= word - 1;
    }
  }
}
