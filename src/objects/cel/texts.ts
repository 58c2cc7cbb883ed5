// Functions on texts (cel-go, ext.Strings) and patterns (k8s.io/apiserver/pkg/cel/library, regex). Places in a text count characters, not
// the halves of them that JavaScript has.

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { findAllIn, patternOf, type Pattern } from '../custom/pattern.ts';
import { ownName } from './own-names.ts';
import { formatText } from './text-format.ts';

const MAX_TEXT = 1024 * 1024;

class StringsNamespace {}

export function registerTexts(environment: Environment): void {
  registerPatterns(environment);
  registerPlaces(environment);
  registerParts(environment);
  environment
    .registerType('StringsNamespace', { ctor: StringsNamespace, fields: {} })
    .registerConstant('strings', 'StringsNamespace', new StringsNamespace())
    .registerFunction('StringsNamespace.quote(string): string', (_: unknown, text: string) => quoted(text))
    .registerFunction('string.format(list): string', (text: string, values: readonly unknown[]) =>
      bounded(formatText(text, values)),
    )
    .registerFunction(`string.${ownName('lowerAscii')}(): string`, (text: string) =>
      text.replaceAll(/[A-Z]+/g, (it) => it.toLowerCase()),
    )
    .registerFunction(`string.${ownName('upperAscii')}(): string`, (text: string) =>
      text.replaceAll(/[a-z]+/g, (it) => it.toUpperCase()),
    )
    .registerFunction('string.reverse(): string', (text: string) => charactersOf(text).reverse().join(''));
}

function registerPatterns(environment: Environment): void {
  const compiled = keptPatterns();
  const matches = (text: string, pattern: string): boolean => compiled(pattern).isIn(text);
  const findAll = (text: string, pattern: string, most: number): readonly string[] =>
    findAllIn(text, compiled(pattern).source, most);
  environment
    .registerFunction(`string.${ownName('matches')}(string): bool`, matches)
    .registerFunction(`${ownName('matches')}(string, string): bool`, matches)
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => findAll(text, pattern, 1)[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      findAll(text, pattern, Number.MAX_SAFE_INTEGER),
    )
    .registerFunction(
      'string.findAll(string, int): list<string>',
      (text: string, pattern: string, most: bigint) =>
        findAll(text, pattern, most < 0n ? Number.MAX_SAFE_INTEGER : Number(most)),
    );
}

const MAX_KEPT = 256;

/** Compiles patterns, and keeps those of late: a rule over a list asks for the same one at every element. */
function keptPatterns(): (source: string) => Pattern {
  const kept = new Map<string, Pattern>();
  return (source) => {
    const pattern = kept.get(source) ?? patternOf(source);
    if (pattern === undefined)
      throw new FairleadError('invalid', `error parsing regexp: ${source.slice(0, 80)}`);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(source, pattern);
    return pattern;
  };
}

function registerPlaces(environment: Environment): void {
  const [indexOf, lastIndexOf] = [ownName('indexOf'), ownName('lastIndexOf')];
  environment
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
      const characters = charactersOf(text);
      return characters[placeIn(characters, at)] ?? '';
    })
    .registerFunction(`string.${indexOf}(string): int`, (text: string, part: string) =>
      indexIn(text, part, 0n),
    )
    .registerFunction(`string.${indexOf}(string, int): int`, indexIn)
    .registerFunction(`string.${lastIndexOf}(string): int`, (text: string, part: string) =>
      lastIndexIn(text, part, BigInt(charactersOf(text).length)),
    )
    .registerFunction(`string.${lastIndexOf}(string, int): int`, lastIndexIn);
}

function indexIn(text: string, part: string, from: bigint): bigint {
  const characters = charactersOf(text);
  const start = characters.slice(0, placeIn(characters, from)).join('').length;
  return characterAt(text, text.indexOf(part, start));
}

function lastIndexIn(text: string, part: string, from: bigint): bigint {
  const characters = charactersOf(text);
  const start = characters.slice(0, placeIn(characters, from)).join('').length;
  return characterAt(text, text.lastIndexOf(part, start));
}

/** The character that the code unit at `unit` begins; -1 where there is none. */
function characterAt(text: string, unit: number): bigint {
  return unit < 0 ? -1n : BigInt(charactersOf(text.slice(0, unit)).length);
}

function registerParts(environment: Environment): void {
  environment
    .registerFunction(`string.${ownName('substring')}(int): string`, (text: string, from: bigint) => {
      const characters = charactersOf(text);
      return characters.slice(placeIn(characters, from)).join('');
    })
    .registerFunction(`string.${ownName('substring')}(int, int): string`, substring)
    .registerFunction(`string.${ownName('split')}(string): list<string>`, (text: string, at: string) =>
      partsOf(text, at),
    )
    .registerFunction(
      `string.${ownName('split')}(string, int): list<string>`,
      (text: string, at: string, most: bigint) => firstParts(partsOf(text, at), at, Number(most)),
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      replaced(text, { from, to, most: -1n }),
    )
    .registerFunction(
      'string.replace(string, string, int): string',
      (text: string, from: string, to: string, most: bigint) => replaced(text, { from, to, most }),
    );
}

interface Replacement {
  readonly from: string;
  readonly to: string;
  /** All of them where it is negative. */
  readonly most: bigint;
}

/** Nothing is found before and behind every character. */
function replaced(text: string, { from, to, most }: Replacement): string {
  const all = from === '' ? ['', ...charactersOf(text), ''] : text.split(from);
  const count = most < 0n ? all.length : Math.min(Number(most) + 1, all.length);
  if (text.length + (count - 1) * to.length > MAX_TEXT) throw tooLong();
  return firstParts(all, from, count).join(to);
}

function substring(text: string, from: bigint, to: bigint): string {
  if (from > to) throw new FairleadError('invalid', `invalid substring range. start: ${from}, end: ${to}`);
  const characters = charactersOf(text);
  return characters.slice(placeIn(characters, from), placeIn(characters, to)).join('');
}

function partsOf(text: string, at: string): string[] {
  return at === '' ? charactersOf(text) : text.split(at);
}

/** `most` parts, of which the last has the rest; all of them where it is negative. */
function firstParts(parts: readonly string[], at: string, most: number): readonly string[] {
  if (most === 0) return [];
  if (most < 0 || parts.length <= most) return parts;
  return [...parts.slice(0, most - 1), parts.slice(most - 1).join(at)];
}

function charactersOf(text: string): string[] {
  return Array.from(text);
}

function placeIn(characters: readonly string[], at: bigint): number {
  if (at < 0n || at > BigInt(characters.length))
    throw new FairleadError('invalid', `index out of range: ${at}`);
  return Number(at);
}

function bounded(text: string): string {
  if (text.length > MAX_TEXT) throw tooLong();
  return text;
}

function tooLong(): FairleadError {
  return new FairleadError('exhausted', `a text longer than ${MAX_TEXT} characters`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

function quoted(text: string): string {
  return `"${Array.from(text, (it) => ESCAPES[it] ?? it).join('')}"`;
}
