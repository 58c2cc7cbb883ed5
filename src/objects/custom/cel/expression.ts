// Expressions in CEL, compiled: what they may call and how large they may be. Rules are hostile: they run within bounds of time (within-bounds.ts).

import { Environment, ParseError, EvaluationError, serialize, type ASTNode } from '@marcbachmann/cel-js';
import { FairleadError, messageOf } from '../../../base/errors.ts';
import { isObject } from '../../json.ts';
import { registerHas, withOwnHas } from './has.ts';
import { registerExtensions, RE2_MATCHES } from './extensions.ts';

const MAX_LENGTH = 16 * 1024;
const LIMITS = {
  maxAstNodes: 5000,
  maxDepth: 64,
  maxListElements: 1000,
  maxMapEntries: 1000,
  maxCallArguments: 32,
};

export interface Expression {
  /** The type that it comes to as far as can be said: "bool", "dyn". */
  readonly type: string;
  readonly ast: ASTNode;
  readonly usesOldSelf: boolean;
  readonly evaluate: (values: { readonly self: unknown; readonly oldSelf?: unknown }) => unknown;
}

export interface Types {
  readonly self: string;
  readonly oldSelf: string;
}

/** Compiles an expression over `self` and `oldSelf`; throws `invalid` with the words of who cannot compile it. */
export function compileExpression(text: string, types: Types): Expression {
  if (text.length > MAX_LENGTH) throw new FairleadError('invalid', `longer than ${MAX_LENGTH} characters`);
  const environment = environmentOf(types);
  try {
    const { ast } = environment.parse(withOwnHas(text));
    // The library asks JavaScript's RegExp, whose syntax is another one and whose time has no bound.
    const parsed = environment.parse(serialize(withRe2(ast)));
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('it is not valid');
    return {
      type: checked.type ?? 'dyn',
      ast,
      usesOldSelf: namesIn(ast).has('oldSelf'),
      evaluate: (values) => parsed({ ...values }) as unknown,
    };
  } catch (error) {
    throw new FairleadError('invalid', summaryOf(error), { cause: error });
  }
}

/** What every expression may call; to fill an environment costs more than to compile a rule. */
const COMMON = commonEnvironment();

function commonEnvironment(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  });
  registerExtensions(environment);
  registerHas(environment);
  return environment;
}

function environmentOf({ self, oldSelf }: Types): Environment {
  return COMMON.clone().registerVariable('self', self).registerVariable('oldSelf', oldSelf);
}

/** What went wrong in one line: the library shows the source as well. */
export function summaryOf(error: unknown): string {
  const text =
    error instanceof ParseError || error instanceof EvaluationError ? error.summary : messageOf(error);
  const [first = ''] = (text ?? '').split('\n');
  return first.replace(/^No such key/, 'no such key');
}

/** The expression with every `matches` answered by RE2. */
function withRe2(node: ASTNode): ASTNode {
  // A copy of the same form but for one name.
  return renamed(node) as ASTNode;
}

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (!isObject(value) || !('op' in value)) return value;
  const { op, args } = value;
  const inner = renamed(args);
  if (op === 'rcall' && Array.isArray(inner) && inner[0] === 'matches')
    return { op, args: [RE2_MATCHES, ...inner.slice(1)] };
  return { op, args: inner };
}

/** Every name that the expression speaks of. */
function namesIn(node: unknown, names = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(node)) for (const item of node) namesIn(item, names);
  else if (isObject(node) && 'op' in node) {
    if (node['op'] === 'id') names.add(String(node['args']));
    else namesIn(node['args'], names);
  }
  return names;
}
