// Every way in which text of objects gets into HAProxy: words of its configuration, words of its command line, keys of map files, and trees
// of strings as one word for our Lua. What an object says is data in each of them, never syntax.

import { createHash } from 'node:crypto';

/** Text or a list of such: what Lua is told. */
export type Tree = string | readonly Tree[];

const PLAIN = /^[A-Za-z0-9_./:-]+$/;
const MAX_KEY_BYTES = 4096;

/** Letters, digits and `( ) , % ~ _ . / : -` alone: one word everywhere. `decode` in lua/fairlead.lua is the inverse. */
export function treeText(tree: Tree): string {
  if (typeof tree !== 'string') return `(${tree.map(treeText).join(',')})`;
  if (tree === '') return '~';
  return PLAIN.test(tree) ? tree : [...Buffer.from(tree, 'utf8')].map(escapedByte).join('');
}

/** A name for a text by what it holds: a name once given never means anything else. */
export function contentName(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Whether a request can have it in its path: HAProxy lets through visible ASCII alone. Such text is one word of a map file too. */
export function isMapKey(text: string): boolean {
  return text.length > 0 && text.length <= MAX_KEY_BYTES && /^[!-~]+$/.test(text);
}

/** The key of a pattern of names among those of one place ("80", a port): what is left of the name first, so that a lookup needs no more than the name and an end. */
export function nameKey(pattern: string, place: string): string {
  if (pattern === '*') return `|*${place}`;
  if (pattern.startsWith('*.') || pattern.startsWith('?.'))
    return `${pattern.slice(2)}|${pattern.slice(0, 1)}${place}`;
  return `${pattern}|${place}`;
}

/** A map's key as one word of a command line, where a semicolon begins the next command. */
export function commandWord(key: string): string {
  return key.replace(/[^A-Za-z0-9_./:|*=,~%()-]/g, (it) => `\\${it}`);
}

/** One word of the configuration, taken as it is. The caller has made sure that there is no line end or NUL, which no quoting can hold. */
export function configWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The inside of a string of Lua. */
export function luaText(text: string): string {
  return [...Buffer.from(text, 'utf8')].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('');
}

function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
}
