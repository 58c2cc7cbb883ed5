// What is known of parts of an expression before it is evaluated: the schema of a field, or the type of a plain value.

import { isObject } from '../../json.ts';
import type { Schema } from '../schema.ts';
import { celType } from './values.ts';

export type Scalar = 'int' | 'double' | 'string' | 'bool';

/** Undefined: nothing is known of the value. */
export type Known = Schema | Scalar | undefined;

const SCALARS: readonly Scalar[] = ['int', 'double', 'string', 'bool'];

/** The type of a plain value; undefined for everything else. */
export function scalarOf(known: Known): Scalar | undefined {
  if (known === undefined || typeof known === 'string') return known;
  const type = celType(known);
  return SCALARS.find((it) => it === type);
}

/** The type of a literal. */
export function literalType(node: Readonly<Record<string, unknown>>): Scalar | undefined {
  switch (typeof node['args']) {
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    default:
      return undefined;
  }
}

const ORDERS = ['<', '<=', '>', '>='];
const EQUALITIES = ['==', '!='];
const SUMS = ['+', '-', '*', '/', '%'];
const JUNCTORS = ['&&', '||'];

/** What an operator comes to where both of its sides may stand there. */
export function operatorType(op: string, left: Known, right: Known): Known {
  if ([...ORDERS, ...EQUALITIES, ...JUNCTORS, 'in', '!_'].includes(op)) return 'bool';
  const [a, b] = [scalarOf(left), scalarOf(right)];
  return SUMS.includes(op) && a === b ? a : undefined;
}

/** What is wrong with an operator between plain values, in the words of the checker; undefined where nothing is. */
export function operatorError(op: string, left: Known, right: Known): string | undefined {
  const [a, b] = [scalarOf(left), scalarOf(right)];
  if (JUNCTORS.includes(op)) {
    const other = [a, b].find((it) => it !== undefined && it !== 'bool');
    return other === undefined ? undefined : `Logical operator requires bool operands, got '${other}'`;
  }
  if (a === undefined || b === undefined) return undefined;
  const isFit =
    (EQUALITIES.includes(op) && a === b) ||
    (ORDERS.includes(op) && (a === b || (isNumber(a) && isNumber(b)))) ||
    (SUMS.includes(op) && a === b && hasSum(op, a));
  const isOperator = [...ORDERS, ...EQUALITIES, ...SUMS].includes(op);
  return isFit || !isOperator ? undefined : `no such overload: ${a} ${op} ${b}`;
}

function isNumber(type: Scalar): boolean {
  return type === 'int' || type === 'double';
}

function hasSum(op: string, type: Scalar): boolean {
  if (type === 'string') return op === '+';
  return type === 'int' || (type === 'double' && op !== '%');
}

export function isNode(value: unknown): value is { readonly op: string; readonly args: unknown } {
  return isObject(value) && typeof value['op'] === 'string' && 'args' in value;
}
