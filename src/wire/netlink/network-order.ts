// Numbers in network byte order, as netfilter's messages have them (rtnetlink's are in the host's).

export function be16(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
}

export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Undefined where the attribute is absent or too short. */
export function readBe16(value: Uint8Array | undefined): number | undefined {
  if (value === undefined || value.length < 2) return undefined;
  return new DataView(value.buffer, value.byteOffset, 2).getUint16(0);
}

export function readBe32(value: Uint8Array | undefined): number | undefined {
  if (value === undefined || value.length < 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
}

export function readBe64(value: Uint8Array | undefined): bigint | undefined {
  if (value === undefined || value.length < 8) return undefined;
  return new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0);
}
