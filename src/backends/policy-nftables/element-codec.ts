// Elements of the table as the kernel has them. Pure.

import { ipFromBytes, ipToBytes, parseIp } from '../../base/ip.ts';
import { be16, be32 } from '../../wire/netlink/network-order.ts';
import type { NftElement } from '../../wire/netlink/nftables.ts';
import type { FieldKind, SetPlan } from './table-plan.ts';

const BYTES: Readonly<Record<FieldKind, number>> = {
  ip4: 4,
  ip6: 16,
  mark: 4,
  protocol: 1,
  port: 2,
  link: 4,
};

/** `value` undefined: what deletes the element. */
export function encodeElement(plan: SetPlan, key: string, value: string | undefined): NftElement {
  const fields = key.split(' ').map((it) => it.split('-'));
  const data =
    plan.isMap && value !== undefined
      ? { data: { kind: 'value', bytes: markBytes(Number(value), false) } as const }
      : {};
  const first = keyBytes(
    plan,
    fields.map(([it = '']) => it),
  );
  if (!plan.isInterval) return { key: first, ...data };
  return {
    key: first,
    keyEnd: keyBytes(
      plan,
      fields.map(([it = '', last = it]) => last),
    ),
    ...data,
  };
}

/** The element's key as its owner writes it. */
export function readKey(plan: SetPlan, { key, keyEnd }: NftElement): string {
  const first = readFields(plan, key);
  if (!plan.isInterval) return first.join(' ');
  const last = readFields(plan, keyEnd ?? key);
  return first.map((it, at) => `${it}-${last[at] ?? it}`).join(' ');
}

export function readValue({ isMap }: SetPlan, { data }: NftElement): string {
  return isMap && data?.kind === 'value' ? String(readMark(data.bytes, false)) : '';
}

function keyBytes({ fields, isInterval }: SetPlan, texts: readonly string[]): Uint8Array {
  const parts = fields.map((kind, at) => fieldBytes(kind, texts[at] ?? '', isInterval));
  // The key of one field is as long as the field; of several each has whole registers.
  if (parts.length === 1) return parts[0] ?? new Uint8Array();
  const bytes = new Uint8Array(parts.reduce((sum, it) => sum + padded(it.length), 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += padded(part.length);
  }
  return bytes;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function fieldBytes(kind: FieldKind, text: string, isInterval: boolean): Uint8Array {
  switch (kind) {
    case 'ip4':
    case 'ip6':
      return ipToBytes(parseIp(text));
    case 'mark':
      return markBytes(Number(text), isInterval);
    case 'link':
      return markBytes(Number(text), false);
    case 'protocol':
      return Uint8Array.of(Number(text));
    case 'port':
      return be16(Number(text));
    default:
      return kind satisfies never;
  }
}

/** In ranges nft compares numbers byte by byte, the high one first; elsewhere a mark is as the machine has it, little endian. */
function markBytes(mark: number, isInterval: boolean): Uint8Array {
  return isInterval ? be32(mark) : be32(mark).reverse();
}

function readMark(bytes: Uint8Array, isInterval: boolean): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, !isInterval);
}

function readFields({ fields, isInterval }: SetPlan, key: Uint8Array): readonly string[] {
  let at = 0;
  return fields.map((kind) => {
    const bytes = key.subarray(at, at + BYTES[kind]);
    at += padded(BYTES[kind]);
    return readField(kind, bytes, isInterval);
  });
}

function readField(kind: FieldKind, bytes: Uint8Array, isInterval: boolean): string {
  switch (kind) {
    case 'ip4':
    case 'ip6':
      return ipFromBytes(bytes);
    case 'mark':
      return String(readMark(bytes, isInterval));
    case 'link':
      return String(readMark(bytes, false));
    case 'protocol':
      return String(bytes[0] ?? 0);
    case 'port':
      return String(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0));
    default:
      return kind satisfies never;
  }
}
