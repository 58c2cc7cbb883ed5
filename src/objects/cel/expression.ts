// Expressions in CEL, compiled: what they may call and how large they may be. Whoever writes them is hostile: they run within bounds of time (within-bounds.ts).

import { EvaluationError, ParseError, TypeError, type ASTNode } from '@marcbachmann/cel-js';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { isObject } from '../json.ts';
import { environmentOf } from './environment.ts';
import { withoutOwnNames, withOwnNames } from './own-names.ts';

const MAX_LENGTH = 16 * 1024;

export interface Expression {
  /** The type that it comes to as far as can be said: "bool", "dyn". */
  readonly type: string;
  readonly ast: ASTNode;
  /** The names that it speaks of, those that it makes itself among them. */
  readonly names: ReadonlySet<string>;
  /** Throws where the values do not let it be evaluated: `summaryOf` says why. */
  readonly evaluate: (values: Readonly<Record<string, unknown>>) => unknown;
}

/** Compiles an expression over variables of `types`; throws `invalid` with the words of who cannot compile it. */
export function compileExpression(text: string, types: Readonly<Record<string, string>>): Expression {
  if (text.length > MAX_LENGTH) throw new FairleadError('invalid', `longer than ${MAX_LENGTH} characters`);
  try {
    const parsed = environmentOf(types).parse(withOwnNames(text));
    const checked = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('it is not valid');
    return {
      type: checked.type ?? 'dyn',
      ast: parsed.ast,
      names: namesIn(parsed.ast),
      evaluate: (values) => parsed({ ...values }) as unknown,
    };
  } catch (error) {
    throw new FairleadError('invalid', summaryOf(error), { cause: error });
  }
}

/** What went wrong in one line: the library shows the source as well. */
export function summaryOf(error: unknown): string {
  const isOfLibrary =
    error instanceof ParseError || error instanceof EvaluationError || error instanceof TypeError;
  const [first = ''] = ((isOfLibrary ? error.summary : undefined) ?? messageOf(error)).split('\n');
  return withoutOwnNames(first).replace(/^No such key/, 'no such key');
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
