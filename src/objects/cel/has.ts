// has() of any field: the library's own takes a chain of names alone, and `has(self.rules[0].matches)` is none.

import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { isObject } from '../json.ts';
import type { Checker, Evaluator, Scope } from './macro.ts';
import { ownName } from './own-names.ts';

interface Macro {
  readonly object: unknown;
  readonly field: string;
}

export function registerHas(environment: Environment): void {
  environment.registerFunction(
    `${ownName('has')}(ast): bool`,
    ({ args }: { readonly args: readonly ASTNode[] }) => ({
      ...fieldOf(args[0]),
      async: false,
      typeCheck: (checker: Checker, { object }: Macro, scope: Scope) => {
        checker.check(object, scope);
        return checker.getType('bool');
      },
      evaluate: (evaluator: Evaluator, { object, field }: Macro, scope: Scope) => {
        const value = evaluator.run(object, scope);
        if (value instanceof Map) return value.has(field);
        return isObject(value) && Object.hasOwn(value, field);
      },
    }),
  );
}

function fieldOf(node: ASTNode | undefined): Macro {
  if (node?.op !== '.') throw new FairleadError('invalid', 'has() asks for a field, such as has(self.name)');
  const [object, field] = node.args;
  return { object, field };
}
