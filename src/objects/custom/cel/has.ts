// has() of any field: the library's own takes a chain of names alone, and `has(self.rules[0].matches)` is none.

import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../../base/errors.ts';
import { isObject } from '../../json.ts';

const NAME = 'hasField';

/** Texts, which are left alone, comments, and the word where it is called. */
const PARTS =
  /[bB]?[rR][bB]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/.*|\bhas(?=\s*\()/g;

/** The expression with ours in the place of the library's. */
export function withOwnHas(expression: string): string {
  return expression.replaceAll(PARTS, (part) => (part === 'has' ? NAME : part));
}

/** What the library hands to a macro: it says nothing of its types. */
interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: unknown, context: unknown): unknown;
}

interface Macro {
  readonly object: unknown;
  readonly field: string;
}

export function registerHas(environment: Environment): void {
  environment.registerFunction(`${NAME}(ast): bool`, ({ args }: { readonly args: readonly ASTNode[] }) => ({
    ...fieldOf(args[0]),
    typeCheck: (checker: Checker, { object }: Macro, context: unknown) => {
      checker.check(object, context);
      return checker.getType('bool');
    },
    evaluate: (evaluator: Evaluator, { object, field }: Macro, context: unknown) => {
      const value = evaluator.run(object, context);
      return isObject(value) && Object.hasOwn(value, field);
    },
  }));
}

function fieldOf(node: ASTNode | undefined): Macro {
  if (node?.op !== '.') throw new FairleadError('invalid', 'has() asks for a field, such as has(self.name)');
  const [object, field] = node.args;
  return { object, field };
}
