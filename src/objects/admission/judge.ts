// What a policy says of a request: which of its validations do not hold, and what it wants told in the audit log. Pure.

import { summaryOf } from '../cel/expression.ts';
import type { CompiledPolicy, CompiledValidation, NamedCompiled } from './compile.ts';

/** What expressions speak of, as they see it. */
export interface AdmissionValues {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
  readonly namespaceObject: unknown;
  readonly params: unknown;
}

export interface Denial {
  readonly message: string;
  /** Of the Status: "Invalid" where the policy says nothing else. */
  readonly reason: string;
}

export interface Judgement {
  readonly denials: readonly Denial[];
  readonly annotations: readonly (readonly [key: string, value: string])[];
}

const NOTHING: Judgement = { denials: [], annotations: [] };

/** Throws what is no error of an expression alone: that its time is over, for instance. */
export function judge(compiled: CompiledPolicy, values: AdmissionValues): Judgement {
  const { conditions, policy } = compiled;
  const asked = isAsked(conditions, values);
  if (asked === false) return NOTHING;
  if (asked !== true) return { ...NOTHING, denials: policy.failsClosed ? [failed(asked)] : [] };
  const all = { ...values, variables: lazyVariables(compiled.variables, values) };
  return {
    denials: compiled.validations.flatMap((it) => denialOf(it, all, policy.failsClosed)),
    annotations: compiled.audits.flatMap((it) => annotationOf(it, all)),
  };
}

/** False where one condition does not hold, else what could not be evaluated. */
function isAsked(conditions: readonly NamedCompiled[], values: AdmissionValues): boolean | string {
  let failure: string | undefined;
  for (const { text, expression } of conditions) {
    try {
      const holds = expression.evaluate({ ...values });
      if (holds === false) return false;
      if (holds !== true) throw new Error('it is neither true nor false');
    } catch (error) {
      failure ??= errorText(text, error);
    }
  }
  return failure ?? true;
}

function errorText(expression: string, error: unknown): string {
  return `expression '${expression.trim()}' resulted in error: ${summaryOf(error)}`;
}

function failed(message: string): Denial {
  return { message, reason: 'Invalid' };
}

/** Each is evaluated when it is first asked for: one that nobody needs costs nothing and breaks nothing. */
function lazyVariables(variables: readonly NamedCompiled[], values: AdmissionValues): object {
  const found = {};
  for (const { name, expression } of variables) {
    let known: { readonly value: unknown } | undefined;
    const get = (): unknown => {
      known ??= { value: expression.evaluate({ ...values, variables: found }) };
      return known.value;
    };
    Object.defineProperty(found, name, { enumerable: true, get });
  }
  return found;
}

type Values = Readonly<Record<string, unknown>>;

function denialOf(compiled: CompiledValidation, values: Values, failsClosed: boolean): readonly Denial[] {
  const { validation, expression } = compiled;
  try {
    const holds = expression.evaluate(values);
    if (holds === true) return [];
    if (holds !== false) throw new Error('it is neither true nor false');
    return [{ message: messageOf(compiled, values), reason: validation.reason ?? 'Invalid' }];
  } catch (error) {
    return failsClosed ? [failed(errorText(validation.expression, error))] : [];
  }
}

const MAX_MESSAGE = 5 * 1024;

function messageOf({ validation, message }: CompiledValidation, values: Values): string {
  const otherwise = validation.message?.trim() ?? `failed expression: ${validation.expression.trim()}`;
  if (message === undefined) return otherwise;
  try {
    const text = message.evaluate(values);
    const isGood =
      typeof text === 'string' && text.trim() !== '' && !text.includes('\n') && text.length <= MAX_MESSAGE;
    return isGood ? text.trim() : otherwise;
  } catch {
    return otherwise;
  }
}

function annotationOf(
  { name, expression }: NamedCompiled,
  values: Values,
): readonly (readonly [string, string])[] {
  try {
    const value = expression.evaluate(values);
    return typeof value === 'string' && value.trim() !== '' ? [[name, value.trim().slice(0, 10 * 1024)]] : [];
  } catch {
    return [];
  }
}
