// Comprehensions that name two things at once: the index and the element of a list, the key and the value of a map (cel-go, ext.TwoVarComprehensions).

import type { ASTNode, Environment } from '@marcbachmann/cel-js';
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

/** Asks a part of the macro with both names bound. */
type Ask = (part: ASTNode | undefined) => unknown;

interface Kind {
  readonly name: string;
  /** Of the part after the names, and the one after that. */
  readonly partTypes: readonly (string | undefined)[];
  readonly typeOf: (checker: Checker, part: CelType) => CelType;
  /** Called once per element; `finish` gives the result. */
  readonly start: (parts: readonly ASTNode[]) => {
    readonly take: (ask: Ask, key: unknown) => boolean;
    readonly finish: () => unknown;
  };
}

const asBool = (checker: Checker): CelType => checker.getType('bool');

const KINDS: readonly Kind[] = [
  { name: 'all', partTypes: ['bool'], typeOf: asBool, start: ([part]) => quantifier(part, false) },
  { name: 'exists', partTypes: ['bool'], typeOf: asBool, start: ([part]) => quantifier(part, true) },
  ...['existsOne', 'exists_one'].map((name) => ({
    name,
    partTypes: ['bool'],
    typeOf: asBool,
    start: ([part]: readonly ASTNode[]) => counter(part),
  })),
  {
    name: 'transformList',
    partTypes: [undefined],
    typeOf: (checker, part) => checker.getType(`list<${part.name}>`),
    start: ([part]) => listOfParts(part),
  },
  {
    name: 'transformList',
    partTypes: ['bool', undefined],
    typeOf: (checker, part) => checker.getType(`list<${part.name}>`),
    start: ([filter, part]) => filtered(filter, listOfParts(part)),
  },
  {
    name: 'transformMap',
    partTypes: [undefined],
    typeOf: (checker) => checker.getType('map'),
    start: ([part]) => mapOfParts(part),
  },
  {
    name: 'transformMap',
    partTypes: ['bool', undefined],
    typeOf: (checker) => checker.getType('map'),
    start: ([filter, part]) => filtered(filter, mapOfParts(part)),
  },
  {
    name: 'transformMapEntry',
    partTypes: ['map'],
    typeOf: (checker) => checker.getType('map'),
    start: ([part]) => mapOfEntries(part),
  },
  {
    name: 'transformMapEntry',
    partTypes: ['bool', 'map'],
    typeOf: (checker) => checker.getType('map'),
    start: ([filter, part]) => filtered(filter, mapOfEntries(part)),
  },
];

export function registerComprehensions(environment: Environment): void {
  for (const kind of KINDS) {
    const asts = ['ast', 'ast', ...kind.partTypes.map(() => 'ast')].join(', ');
    environment.registerFunction(`list.${kind.name}(${asts}): dyn`, (call: MacroCall) => macroOf(kind, call));
  }
}

function macroOf(kind: Kind, { args, receiver }: MacroCall): object {
  const [first, second, ...parts] = args;
  const names = [nameIn(first, kind.name), nameIn(second, kind.name)] as const;
  if (names[0] === names[1])
    throw new FairleadError('invalid', `${kind.name}() asks for two names, not "${names[0]}" twice`);
  let types: readonly [CelType, CelType];
  return {
    async: false,
    typeCheck: (checker: Checker, _macro: unknown, scope: Scope) => {
      types = typesOfEntries(checker, checker.check(receiver, scope), kind.name);
      const inner = scope.forkWithVariable(names[0], types[0]).forkWithVariable(names[1], types[1]);
      const found = parts.map((part) => checker.check(part, inner));
      found.forEach((type, i) => {
        const expected = kind.partTypes[i];
        if (expected !== undefined) checkKind(type, expected, `${kind.name}() predicate`);
      });
      return kind.typeOf(checker, found.at(-1) ?? checker.getType('dyn'));
    },
    evaluate: (evaluator: Evaluator, _macro: unknown, scope: Scope) => {
      const run = kind.start(parts);
      for (const [key, value] of entriesOf(evaluator.run(receiver, scope), kind.name)) {
        const outer = scope.forkWithVariable(names[0], types[0]).setIterValue(key, evaluator);
        const inner = outer.forkWithVariable(names[1], types[1]).setIterValue(value, evaluator);
        if (!run.take((part) => evaluator.run(part, inner), key)) break;
      }
      return run.finish();
    },
  };
}

function typesOfEntries(checker: Checker, of: CelType, name: string): readonly [CelType, CelType] {
  const dyn = checker.getType('dyn');
  if (of.kind === 'list') return [checker.getType('int'), of.valueType ?? dyn];
  if (of.kind === 'map') return [of.keyType ?? dyn, of.valueType ?? dyn];
  if (of.kind === 'dyn') return [dyn, dyn];
  throw new FairleadError('invalid', `${name}() goes over a list or a map, not over '${of.name}'`);
}

function entriesOf(value: unknown, name: string): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return value.map((item: unknown, i) => [BigInt(i), item]);
  if (value instanceof Map) return [...value];
  if (isObject(value)) return Object.entries(value);
  throw new FairleadError('invalid', `${name}() goes over a list or a map`);
}

type Run = ReturnType<Kind['start']>;

/** What decides ends the search; what cannot be evaluated counts where nothing decides. */
function quantifier(part: ASTNode | undefined, deciding: boolean): Run {
  let result = !deciding;
  let failure: { readonly error: unknown } | undefined;
  return {
    take: (ask) => {
      try {
        if (bool(ask(part)) !== deciding) return true;
        result = deciding;
      } catch (error) {
        failure ??= { error };
      }
      return result !== deciding;
    },
    finish: () => {
      if (failure !== undefined && result !== deciding) throw failure.error;
      return result;
    },
  };
}

function counter(part: ASTNode | undefined): Run {
  let count = 0;
  return {
    take: (ask) => {
      if (bool(ask(part))) count += 1;
      return true;
    },
    finish: () => count === 1,
  };
}

function filtered(filter: ASTNode | undefined, { take, finish }: Run): Run {
  return { take: (ask, key) => !bool(ask(filter)) || take(ask, key), finish };
}

function listOfParts(part: ASTNode | undefined): Run {
  const list: unknown[] = [];
  return {
    take: (ask) => list.push(ask(part)) > 0,
    finish: () => list,
  };
}

/** A map with keys of any type, under which the library finds values as in an object. */
function mapOfParts(part: ASTNode | undefined): Run {
  const map = new Map<unknown, unknown>();
  return {
    take: (ask, key) => map.set(key, ask(part)).size > 0,
    finish: () => map,
  };
}

function mapOfEntries(part: ASTNode | undefined): Run {
  const map = new Map<unknown, unknown>();
  return {
    take: (ask) => {
      const entries = entriesOf(ask(part), 'transformMapEntry');
      for (const [key, value] of entries) {
        if (map.has(key))
          throw new FairleadError('invalid', `insert failed: key ${String(key)} already exists`);
        map.set(key, value);
      }
      return true;
    },
    finish: () => map,
  };
}

function bool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new FairleadError('invalid', 'predicate must return bool');
}
