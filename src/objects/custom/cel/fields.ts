// Fields that an expression asks for and the schema does not have: found when the rule is made, not when an object is refused by it.

import { isObject } from '../../json.ts';
import type { Schema } from '../schema.ts';
import { celName } from './values.ts';

/** Undefined: nothing is known of the value. */
type Known = Schema | undefined;
type Scope = ReadonlyMap<string, Known>;

/** The first field that is nowhere in the schema; undefined where there is none. */
export function undefinedField(ast: unknown, self: Schema): string | undefined {
  const found: string[] = [];
  const scope = new Map([
    ['self', self],
    ['oldSelf', self],
  ]);
  typeOf(ast, scope, found);
  return found[0];
}

function typeOf(node: unknown, scope: Scope, found: string[]): Known {
  if (!isObject(node) || !('op' in node)) return undefined;
  const { op, args } = node;
  if (op === 'id') return scope.get(String(args));
  if (!Array.isArray(args)) {
    typeOf(args, scope, found);
    return undefined;
  }
  const parts: readonly unknown[] = args;
  if (op === '.' || op === '.?') return fieldOf(typeOf(parts[0], scope, found), String(parts[1]), found);
  if (op === '[]') {
    const of = typeOf(parts[0], scope, found);
    typeOf(parts[1], scope, found);
    return of?.items ?? of?.additional;
  }
  if (op === 'rcall') return callOn(parts, scope, found);
  for (const part of parts)
    for (const each of Array.isArray(part) ? part : [part]) typeOf(each, scope, found);
  return undefined;
}

function fieldOf(of: Known, name: string, found: string[]): Known {
  if (of === undefined || of.type !== 'object' || of.isNullable) return undefined;
  const field = [...of.properties].find(([own]) => celName(own) === name)?.[1];
  if (field !== undefined || of.additional !== undefined) return field ?? of.additional;
  if (of.isEmbedded && ['apiVersion', 'kind', 'metadata'].includes(name)) return undefined;
  found.push(name);
  return undefined;
}

/** How many names a macro gives, by its own name and how many operands it has: of an element, or of a place and what is there. */
const MACROS: ReadonlyMap<string, number> = new Map([
  ...['all/2', 'exists/2', 'exists_one/2', 'map/2', 'map/3', 'filter/2'].map((it) => [it, 1] as const),
  ...['optMap/2', 'optFlatMap/2'].map((it) => [it, 1] as const),
  ...['all/3', 'exists/3', 'exists_one/3', 'existsOne/3'].map((it) => [it, 2] as const),
  ...['transformList', 'transformMap', 'transformMapEntry'].flatMap((it) => [
    [`${it}/3`, 2] as const,
    [`${it}/4`, 2] as const,
  ]),
]);

/** Macros give names to parts of what they are called on; other calls come to what nothing is known of. */
function callOn(parts: readonly unknown[], scope: Scope, found: string[]): Known {
  const [name, receiver, rest] = parts;
  const operands: readonly unknown[] = Array.isArray(rest) ? rest : [];
  const of = typeOf(receiver, scope, found);
  const isBind = name === 'bind' && operands.length === 3;
  const count = isBind ? 1 : (MACROS.get(`${String(name)}/${operands.length}`) ?? 0);
  const names = operands.slice(0, count).map((it) => (isObject(it) ? String(it['args']) : ''));
  const known = isBind ? [typeOf(operands[1], scope, found)] : knownOf(String(name), of, count);
  const inner = new Map([...scope, ...names.map((it, i) => [it, known[i]] as const)]);
  for (const operand of operands.slice(count)) typeOf(operand, inner, found);
  return name === 'filter' && count === 1 ? of : undefined;
}

/** What is known of what a macro gives names to. */
function knownOf(macro: string, of: Known, count: number): readonly Known[] {
  if (macro.startsWith('opt')) return [of];
  // Over a map, one name is that of a key, of which nothing need be known.
  return count === 1 ? [of?.items] : [undefined, of?.items ?? of?.additional];
}
