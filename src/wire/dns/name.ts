// Domain names as text: fully qualified without the trailing dot, the root as ".", case kept.
// Octets that text cannot carry are escaped as in zone files (RFC 1035 5.1): "\." "\\" "\009".

import type { Brand } from '../../base/brand.ts';
import { FairleadError } from '../../base/errors.ts';
import { MAX_LABEL_BYTES, MAX_NAME_BYTES } from './constants.ts';

/** A name within the limits of the wire, made only by this file. Compare with `canonicalName`: case has no meaning in DNS. */
export type DnsName = Brand<string, 'DnsName'>;

export const ROOT_NAME = '.' as DnsName;

/** The name; a trailing dot is taken away. Throws `invalid` for an empty or too long label, a bad escape, or more than 255 octets. */
export function parseDnsName(text: string): DnsName {
  if (text === '.' || text === '') return ROOT_NAME;
  // Every octet takes at most four characters, so what is longer needs no reading.
  if (text.length > 4 * MAX_NAME_BYTES) {
    throw new FairleadError('invalid', `Cannot read name: ${text.length} characters`);
  }
  const absolute = /(?:^|[^\\])(?:\\\\)*\.$/.test(text) ? text.slice(0, -1) : text;
  return nameFromLabels(splitLabels(absolute));
}

/** The name of labels given as byte strings (one character per octet), first label first. */
export function nameFromLabels(labels: readonly string[]): DnsName {
  if (labels.length === 0) return ROOT_NAME;
  let bytes = 1;
  for (const label of labels) {
    if (label.length === 0 || label.length > MAX_LABEL_BYTES) {
      throw new FairleadError(
        'invalid',
        `Cannot make a name: a label of ${label.length} octets, not 1 to ${MAX_LABEL_BYTES}`,
      );
    }
    bytes += label.length + 1;
  }
  if (bytes > MAX_NAME_BYTES) {
    throw new FairleadError('invalid', `Cannot make a name: ${bytes} octets, not up to ${MAX_NAME_BYTES}`);
  }
  return labels.map(escapeLabel).join('.') as DnsName;
}

/** The labels as byte strings, first label first; none for the root. */
export function labelsOf(name: DnsName): readonly string[] {
  if (name === ROOT_NAME) return [];
  return name.includes('\\') ? splitLabels(name) : name.split('.');
}

/** Equal names have equal canonical names: ASCII letters in lower case (RFC 4343). */
export function canonicalName(name: DnsName): DnsName {
  // An escape is never made of letters, so lowering the text lowers the octets and nothing else.
  return /[A-Z]/.test(name) ? (name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) as DnsName) : name;
}

/** True when `name` is `ancestor` or lies below it. */
export function isWithin(name: DnsName, ancestor: DnsName): boolean {
  if (ancestor === ROOT_NAME) return true;
  const [a, b] = [canonicalName(name), canonicalName(ancestor)];
  // An escaped dot before the ancestor's text would be part of a label: compare labels then.
  if (!a.includes('\\')) return a === b || a.endsWith(`.${b}`);
  const [below, above] = [labelsOf(a), labelsOf(b)];
  const offset = below.length - above.length;
  return offset >= 0 && above.every((label, i) => label === below[offset + i]);
}

/** The wire form without compression: length octet and octets per label, then the root's zero. */
export function nameToBytes(name: DnsName): Uint8Array {
  const labels = labelsOf(name);
  const bytes = new Uint8Array(labels.reduce((sum, label) => sum + label.length + 1, 1));
  let at = 0;
  for (const label of labels) {
    bytes[at++] = label.length;
    for (let i = 0; i < label.length; i++) bytes[at++] = label.charCodeAt(i);
  }
  return bytes;
}

function escapeLabel(label: string): string {
  if (/^[A-Za-z0-9_-]*$/.test(label)) return label;
  let text = '';
  for (let i = 0; i < label.length; i++) {
    const code = label.charCodeAt(i);
    if (code === 0x2e || code === 0x5c) text += `\\${label[i]}`;
    else if (code <= 0x20 || code >= 0x7f) text += `\\${code.toString().padStart(3, '0')}`;
    else text += label[i];
  }
  return text;
}

function splitLabels(text: string): string[] {
  const labels: string[] = [];
  let label = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (character === '.') {
      labels.push(label);
      label = '';
    } else if (character === '\\') {
      const { octet, length } = readEscape(text, i);
      label += octet;
      i += length - 1;
    } else label += octetOf(character, text);
  }
  labels.push(label);
  return labels;
}

function readEscape(text: string, at: number): { octet: string; length: number } {
  const digits = /^[0-9]{3}/.exec(text.slice(at + 1, at + 4))?.[0];
  if (digits !== undefined && Number(digits) <= 255) {
    return { octet: String.fromCharCode(Number(digits)), length: 4 };
  }
  const next = text[at + 1];
  if (next === undefined || digits !== undefined) {
    throw new FairleadError('invalid', `Cannot read name "${text}": bad escape at ${at}`);
  }
  return { octet: octetOf(next, text), length: 2 };
}

function octetOf(character: string, text: string): string {
  if (character.charCodeAt(0) > 0xff) {
    throw new FairleadError('invalid', `Cannot read name "${text}": "${character}" is not one octet`);
  }
  return character;
}
