// Texts that an expression has in it and that can never be what they are used for: a pattern, a duration, a time. They are found when it is compiled,
// not when an object is refused by it.

import { evaluate, type ASTNode } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { patternError } from '../custom/pattern.ts';
import { isObject } from '../json.ts';
import { ownName } from './own-names.ts';

/** Throws `invalid` for the first one. */
export function checkLiterals(node: unknown): void {
  if (Array.isArray(node)) for (const item of node as readonly unknown[]) checkLiterals(item);
  if (!isObject(node) || !('op' in node)) return;
  const { op, args } = node as unknown as ASTNode;
  if (op === 'rcall') checkCall(args[0], args[2]);
  if (op === 'call') checkCall(args[0], args[1]);
  checkLiterals(args);
}

function checkCall(name: string, operands: readonly ASTNode[]): void {
  const text = literalOf(operands.at(-1));
  if (text === undefined) return;
  if (name === ownName('matches')) {
    const because = patternError(text);
    if (because !== undefined) throw invalid('matches', because);
  }
  if (name === 'duration' || name === 'timestamp') {
    try {
      evaluate(`${name}(text)`, { text });
    } catch {
      throw invalid(name, `${JSON.stringify(text.slice(0, 80))} is none`);
    }
  }
}

function literalOf(node: ASTNode | undefined): string | undefined {
  return node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined;
}

function invalid(name: string, because: string): FairleadError {
  return new FairleadError('invalid', `invalid ${name} argument: ${because}`);
}
