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

const LIST_MACROS = ['all', 'exists', 'exists_one', 'map', 'filter'];

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

/** Macros name the elements of what they are called on. */
function callOn(parts: readonly unknown[], scope: Scope, found: string[]): Known {
  const [name, receiver, rest] = parts;
  const of = typeOf(receiver, scope, found);
  const operands: readonly unknown[] = Array.isArray(rest) ? rest : [];
  const [variable] = operands;
  if (!LIST_MACROS.includes(String(name)) || !isObject(variable) || variable['op'] !== 'id') {
    // cel.bind names what nothing is known of.
    const isBind = name === 'bind' && isObject(variable) && variable['op'] === 'id';
    const inner = isBind ? new Map([...scope, [String(variable['args']), undefined]]) : scope;
    for (const operand of operands) typeOf(operand, inner, found);
    return undefined;
  }
  const inner = new Map([...scope, [String(variable['args']), of?.items]]);
  for (const operand of operands.slice(1)) typeOf(operand, inner, found);
  return name === 'filter' ? of : undefined;
}
