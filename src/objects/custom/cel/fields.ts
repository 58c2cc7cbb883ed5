// Fields that an expression asks for and the schema does not have, and fields that are of another type than it takes them for: found when the rule is
// made, not when an object is refused by it. The library's checker knows nothing of schemas.

import type { Schema } from '../schema.ts';
import {
  isNode,
  literalType,
  operatorError,
  operatorType,
  scalarOf,
  type Known,
  type Scalar,
} from './known.ts';
import { celName } from './values.ts';

type Scope = ReadonlyMap<string, Known>;

export interface RuleTypes {
  /** What is wrong with it first. */
  readonly error: string | undefined;
  /** What it comes to, as far as the schema says. */
  readonly type: Scalar | undefined;
}

/** What the schema of `self` says of an expression. */
export function ruleTypes(ast: unknown, self: Schema, hasOptionalOldSelf: boolean): RuleTypes {
  const errors: string[] = [];
  const scope = new Map<string, Known>([
    ['self', self],
    // Of an optional value, fields are known and its own type is not.
    ['oldSelf', hasOptionalOldSelf && self.type !== 'object' ? undefined : self],
  ]);
  const type = scalarOf(typeOf(ast, scope, errors));
  return { error: errors[0], type };
}

function typeOf(node: unknown, scope: Scope, errors: string[]): Known {
  if (!isNode(node)) return undefined;
  const { op, args } = node;
  if (op === 'id') return scope.get(String(args));
  if (op === 'value') return literalType({ args });
  if (!Array.isArray(args)) {
    return unaryType(op, scalarOf(typeOf(args, scope, errors)), errors);
  }
  const parts: readonly unknown[] = args;
  switch (op) {
    case '.':
      return fieldOf(typeOf(parts[0], scope, errors), String(parts[1]), errors);
    case '.?':
      return withoutScalar(fieldOf(typeOf(parts[0], scope, errors), String(parts[1]), errors));
    case '[]':
      return elementOf(parts, scope, errors);
    case 'rcall':
      return callOn(parts, scope, errors);
    default:
      return combined(op, parts, scope, errors);
  }
}

function unaryType(op: string, inner: Scalar | undefined, errors: string[]): Known {
  const fit: readonly (Scalar | undefined)[] = op === '!_' ? ['bool'] : ['int', 'double'];
  if (inner !== undefined && !fit.includes(inner)) errors.push(`no such overload: ${op[0]}${inner}`);
  return op === '!_' ? 'bool' : inner;
}

function combined(op: string, parts: readonly unknown[], scope: Scope, errors: string[]): Known {
  const types = parts.flatMap((part) =>
    Array.isArray(part)
      ? part.map((it: unknown) => typeOf(it, scope, errors))
      : [typeOf(part, scope, errors)],
  );
  if (parts.length !== 2) return undefined;
  const [left, right] = types;
  const error = operatorError(op, left, right);
  if (error !== undefined) errors.push(error);
  return operatorType(op, left, right);
}

function elementOf(parts: readonly unknown[], scope: Scope, errors: string[]): Known {
  const of = typeOf(parts[0], scope, errors);
  typeOf(parts[1], scope, errors);
  return typeof of === 'object' ? (of.items ?? of.additional) : undefined;
}

/** An optional value is followed for its fields; it is itself of no plain type. */
function withoutScalar(known: Known): Known {
  return scalarOf(known) === undefined ? known : undefined;
}

function fieldOf(of: Known, name: string, errors: string[]): Known {
  if (typeof of !== 'object' || of.type !== 'object' || of.isNullable) return undefined;
  const field = [...of.properties].find(([own]) => celName(own) === name)?.[1];
  if (field !== undefined || of.additional !== undefined) return field ?? of.additional;
  if (of.isEmbedded && ['apiVersion', 'kind', 'metadata'].includes(name)) return undefined;
  errors.push(`undefined field '${name}'`);
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
function callOn(parts: readonly unknown[], scope: Scope, errors: string[]): Known {
  const [name, receiver, rest] = parts;
  const operands: readonly unknown[] = Array.isArray(rest) ? rest : [];
  const of = typeOf(receiver, scope, errors);
  const isBind = name === 'bind' && operands.length === 3;
  const count = isBind ? 1 : (MACROS.get(`${String(name)}/${operands.length}`) ?? 0);
  const names = operands.slice(0, count).map((it) => (isNode(it) ? String(it.args) : ''));
  const known = isBind ? [typeOf(operands[1], scope, errors)] : knownOf(String(name), of, count);
  const inner = new Map([...scope, ...names.map((it, i) => [it, known[i]] as const)]);
  for (const operand of operands.slice(count)) typeOf(operand, inner, errors);
  return name === 'filter' && count === 1 ? of : undefined;
}

/** What is known of what a macro gives names to. */
function knownOf(macro: string, of: Known, count: number): readonly Known[] {
  if (macro.startsWith('opt')) return [of];
  if (typeof of !== 'object') return [];
  // Over a map, one name is that of a key, of which nothing need be known.
  return count === 1 ? [of.items] : [undefined, of.items ?? of.additional];
}
