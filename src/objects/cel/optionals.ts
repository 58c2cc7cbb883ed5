// Optional values beyond what the library has: what is made of one where it is there (cel-go, OptionalTypes).

import { Optional, type ASTNode, type Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { isObject } from '../json.ts';
import {
  checkKind,
  nameIn,
  type CelType,
  type Checker,
  type Evaluator,
  type MacroCall,
  type Scope,
} from './macro.ts';

export function registerOptionals(environment: Environment): void {
  environment
    .registerFunction('optional.optMap(ast, ast): dyn', (call: MacroCall) => mapMacro('optMap', call))
    .registerFunction('optional.optFlatMap(ast, ast): dyn', (call: MacroCall) => mapMacro('optFlatMap', call))
    .registerFunction('OptionalNamespace.ofNonZeroValue(dyn): optional<dyn>', (_: unknown, value: unknown) =>
      isZero(value) ? Optional.none() : Optional.of(value),
    )
    .registerFunction('list.first(): optional<dyn>', (list: readonly unknown[]) => Optional.of(list[0]))
    .registerFunction('list.last(): optional<dyn>', (list: readonly unknown[]) => Optional.of(list.at(-1)));
}

function mapMacro(macro: 'optMap' | 'optFlatMap', { args, receiver }: MacroCall): object {
  const name = nameIn(args[0], macro);
  const part: ASTNode | undefined = args[1];
  let type: CelType;
  return {
    async: false,
    typeCheck: (checker: Checker, _macro: unknown, scope: Scope) => {
      const of = checker.check(receiver, scope);
      checkKind(of, 'optional', `${macro}() receiver`);
      type = (of.kind === 'optional' ? of.valueType : undefined) ?? checker.getType('dyn');
      const result = checker.check(part, scope.forkWithVariable(name, type));
      if (macro === 'optMap') return checker.getType(`optional<${result.name}>`);
      checkKind(result, 'optional', 'optFlatMap() result');
      return result.kind === 'optional' ? result : checker.getType('optional');
    },
    evaluate: (evaluator: Evaluator, _macro: unknown, scope: Scope) => {
      const optional = optionalOf(evaluator.run(receiver, scope), `${macro}() receiver`);
      if (!optional.hasValue()) return optional;
      const inner = scope.forkWithVariable(name, type).setIterValue(optional.value(), evaluator);
      const result = evaluator.run(part, inner);
      return macro === 'optMap' ? Optional.of(result) : optionalOf(result, 'optFlatMap() result');
    },
  };
}

function optionalOf(value: unknown, what: string): Optional {
  if (value instanceof Optional) return value;
  throw new FairleadError('invalid', `${what} must be optional`);
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (isObject(value) && Object.getPrototypeOf(value) === Object.prototype)
    return Object.keys(value).length === 0;
  return value === null || value === '' || value === false || value === 0 || value === 0n;
}
