// Hashes of passwords, as htpasswd and crypt(3) write them, taken apart so that whoever checks a password has only to hash it.

import type { PasswordHash } from '../../model/request-guards.ts';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SHA_CRYPT_ROUNDS = 5000;
/** More would keep a thread of the proxy busy for 20 ms and longer. */
const MAX_ROUNDS = 20_000;
const SHA1_BYTES = 20;

/** Which byte of the digest each byte of the text is, in groups of three (the last one of what is left), by mark. */
const ORDERS: Readonly<Record<'$1$' | '$5$' | '$6$', readonly number[]>> = {
  $1$: [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, 11],
  $5$: [
    0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28, 8, 9, 19,
    29, 31, 30,
  ],
  $6$: [
    0, 21, 42, 22, 43, 1, 44, 2, 23, 3, 24, 45, 25, 46, 4, 47, 5, 26, 6, 27, 48, 28, 49, 7, 50, 8, 29, 9, 30,
    51, 31, 52, 10, 53, 11, 32, 12, 33, 54, 34, 55, 13, 56, 14, 35, 15, 36, 57, 37, 58, 16, 59, 17, 38, 18,
    39, 60, 40, 61, 19, 62, 20, 41, 63,
  ],
};

/** Undefined for what cannot be checked here: bcrypt, which no library of HAProxy's Lua has, the old crypt of two letters of salt, plain text. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, sha, base64 = ''] = /^\{(S?SHA)\}([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  if (sha !== undefined) return sha1Of(Buffer.from(base64, 'base64'), sha === 'SSHA');
  const [, mark, rounds, salt = '', encoded = ''] =
    /^\$(1|apr1|5|6)\$(?:rounds=(\d{1,9})\$)?([./0-9A-Za-z]{0,16})\$([./0-9A-Za-z]+)$/.exec(text) ?? [];
  switch (mark) {
    case '1':
    case 'apr1': {
      const digest = rounds === undefined && salt.length <= 8 ? digestOf(encoded, '$1$') : undefined;
      return digest === undefined ? undefined : { scheme: `$${mark}$`, salt, rounds: 1000, digest };
    }
    case '5':
    case '6': {
      const count = rounds === undefined ? SHA_CRYPT_ROUNDS : Math.max(1000, Number(rounds));
      const digest = count > MAX_ROUNDS ? undefined : digestOf(encoded, `$${mark}$`);
      return digest === undefined ? undefined : { scheme: `$${mark}$`, salt, rounds: count, digest };
    }
    default:
      return undefined;
  }
}

function sha1Of(bytes: Buffer, isSalted: boolean): PasswordHash | undefined {
  const isFit = isSalted
    ? bytes.length > SHA1_BYTES && bytes.length <= 4 * SHA1_BYTES
    : bytes.length === SHA1_BYTES;
  const digest = bytes.subarray(0, SHA1_BYTES);
  return isFit
    ? { scheme: 'sha1', salt: hexOf(bytes.subarray(SHA1_BYTES)), rounds: 1, digest: hexOf(digest) }
    : undefined;
}

/** Four characters are three bytes, the lowest six bits first. */
function digestOf(encoded: string, mark: keyof typeof ORDERS): string | undefined {
  const order = ORDERS[mark];
  const digest = Buffer.alloc(order.length);
  for (let at = 0; at < order.length; at += 3) {
    const bytes = order.slice(at, at + 3);
    const characters = encoded.slice((at / 3) * 4, (at / 3) * 4 + bytes.length + 1);
    if (characters.length !== bytes.length + 1) return undefined;
    const value = Array.from(characters).reduceRight((sum, it) => sum * 64 + ALPHABET.indexOf(it), 0);
    for (const [index, place] of bytes.entries())
      digest[place] = (value >> (8 * (bytes.length - 1 - index))) & 255;
  }
  const isWhole = encoded.length === Math.ceil((order.length * 4) / 3);
  return isWhole ? hexOf(digest) : undefined;
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}
