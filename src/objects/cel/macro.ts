// What the library hands to macros: it says nothing of these types. A macro checks its parts and runs them in scopes that know more names.

import type { ASTNode } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';

/** A type as the checker has it. */
export interface CelType {
  /** "list", "map", "dyn", "optional", "primitive". */
  readonly kind: string;
  readonly type: string;
  readonly keyType: CelType | undefined;
  readonly valueType: CelType | undefined;
  readonly name: string;
}

/** The names that are known where an expression stands. */
export interface Scope {
  forkWithVariable(name: string, type: CelType): Scope;
  setIterValue(value: unknown, evaluator: Evaluator): Scope;
}

export interface Checker {
  check(node: unknown, scope: Scope): CelType;
  getType(name: string): CelType;
}

export interface Evaluator {
  run(node: unknown, scope: Scope): unknown;
  getType(name: string): CelType;
}

/** A macro as the parser finds it. */
export interface MacroCall {
  readonly args: readonly ASTNode[];
  readonly receiver: ASTNode;
}

/** The name that a macro gives to a value; throws `invalid` where `node` is none. */
export function nameIn(node: ASTNode | undefined, macro: string): string {
  if (node?.op === 'id') return node.args;
  throw new FairleadError('invalid', `${macro}() asks for a name, such as ${macro}(name, ...)`);
}

/** Throws `invalid` unless `type` may be the one named. */
export function checkKind(type: CelType, expected: string, what: string): void {
  if (type.kind === 'dyn' || type.type === expected || type.kind === expected) return;
  throw new FairleadError('invalid', `${what} must be ${expected}, got '${type.name}'`);
}
