// Ethernet addresses as canonical text: lower case, colons.

import { createHash } from 'node:crypto';
import type { Brand } from './brand.ts';
import { FairleadError } from './errors.ts';

export type Mac = Brand<string, 'Mac'>;

export function parseMac(text: string): Mac {
  if (!/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(text)) {
    throw new FairleadError('invalid', `Cannot read Ethernet address "${text}"`);
  }
  return text.toLowerCase() as Mac;
}

export function macFromBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6) {
    throw new FairleadError('invalid', `Cannot read Ethernet address: ${bytes.length} bytes, not 6`);
  }
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':') as Mac;
}

export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
}

/** A locally administered unicast address that depends on `seed` alone, so that every node derives the same one. */
export function macFromSeed(seed: string): Mac {
  const bytes = new Uint8Array(createHash('sha256').update(seed).digest().subarray(0, 6));
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return macFromBytes(bytes);
}
