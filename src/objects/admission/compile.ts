// The expressions of a policy, compiled: what each may speak of, and what it has to come to.

import { FairleadError, messageOf } from '../../base/errors.ts';
import { compileExpression, type Expression } from '../cel/expression.ts';
import { checkLiterals } from '../cel/literals.ts';
import { isObject } from '../json.ts';
import type { AdmissionPolicy, Validation } from './policy.ts';

export interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: Expression;
  readonly message: Expression | undefined;
}

export interface NamedCompiled {
  readonly name: string;
  readonly text: string;
  readonly expression: Expression;
}

export interface CompiledPolicy {
  readonly policy: AdmissionPolicy;
  readonly conditions: readonly NamedCompiled[];
  readonly variables: readonly NamedCompiled[];
  readonly validations: readonly CompiledValidation[];
  readonly audits: readonly NamedCompiled[];
}

/** An expression that cannot be, and where it stands: "spec.validations[0].expression". */
export interface ExpressionError {
  readonly field: string;
  readonly text: string;
  readonly because: string;
}

/** The policy with what is wrong with it: the parts that do not compile are left out. */
export function compilePolicy(policy: AdmissionPolicy): {
  readonly compiled: CompiledPolicy;
  readonly errors: readonly ExpressionError[];
} {
  const compiler = new Compiler(policy.paramKind !== undefined);
  const before = new Set<string>();
  const conditions = policy.conditions.flatMap(({ name, expression }, i) => {
    const place = { field: `spec.matchConditions[${i}].expression`, results: BOOL };
    return compiler.named(name, expression, place);
  });
  const variables = policy.variables.flatMap(({ name, expression }, i) => {
    const place = { field: `spec.variables[${i}].expression`, variables: new Set(before) };
    before.add(name);
    return compiler.named(name, expression, place);
  });
  const validations = policy.validations.flatMap((validation, i) =>
    compiler.validation(validation, { field: `spec.validations[${i}]`, variables: before }),
  );
  const audits = policy.audits.flatMap(({ name, expression }, i) => {
    const field = `spec.auditAnnotations[${i}].valueExpression`;
    return compiler.named(name, expression, { field, variables: before, results: ['string', 'null'] });
  });
  return { compiled: { policy, conditions, variables, validations, audits }, errors: compiler.errors };
}

const BOOL = ['bool'];

interface Place {
  readonly field: string;
  /** The variables that it may speak of; undefined where it may speak of none. */
  readonly variables?: ReadonlySet<string>;
  /** The types that it may come to; undefined where any will do. */
  readonly results?: readonly string[];
}

class Compiler {
  readonly errors: ExpressionError[] = [];
  readonly #hasParams: boolean;

  constructor(hasParams: boolean) {
    this.#hasParams = hasParams;
  }

  named(name: string, text: string, place: Place): readonly NamedCompiled[] {
    const expression = this.#compile(text, place);
    return expression === undefined ? [] : [{ name, text, expression }];
  }

  validation(
    validation: Validation,
    { field, variables }: Required<Omit<Place, 'results'>>,
  ): CompiledValidation[] {
    const { messageExpression } = validation;
    const expression = this.#compile(validation.expression, {
      field: `${field}.expression`,
      variables,
      results: BOOL,
    });
    const message =
      messageExpression === undefined
        ? undefined
        : this.#compile(messageExpression, {
            field: `${field}.messageExpression`,
            variables,
            results: ['string'],
          });
    return expression === undefined ? [] : [{ validation, expression, message }];
  }

  #compile(text: string, place: Place): Expression | undefined {
    try {
      return this.#checked(text, place);
    } catch (error) {
      this.errors.push({ field: place.field, text, because: messageOf(error) });
      return undefined;
    }
  }

  #checked(text: string, { variables, results }: Place): Expression {
    const expression = compiled(text, {
      object: 'dyn',
      oldObject: 'dyn',
      request: 'dyn',
      namespaceObject: 'dyn',
      ...(this.#hasParams ? { params: 'dyn' } : {}),
      ...(variables === undefined ? {} : { variables: 'dyn' }),
    });
    const unknown = unknownVariable(expression.ast, variables ?? new Set());
    if (unknown !== undefined)
      throw new FairleadError('invalid', `compilation failed: undefined field '${unknown}'`);
    if (results !== undefined && ![...results, 'dyn'].includes(expression.type))
      throw new FairleadError('invalid', `must evaluate to ${results.join(' or ')}`);
    return expression;
  }
}

function compiled(text: string, types: Readonly<Record<string, string>>): Expression {
  try {
    const expression = compileExpression(text, types);
    checkLiterals(expression.ast);
    return expression;
  } catch (error) {
    const because = messageOf(error);
    const isAboutAccess = because === 'Unknown variable: authorizer';
    throw new FairleadError(
      'invalid',
      `compilation failed: ${isAboutAccess ? 'authorizer is not there on this server: expressions are about objects and requests' : because}`,
    );
  }
}

/** The first of `variables.name` that is not known yet. */
function unknownVariable(node: unknown, known: ReadonlySet<string>): string | undefined {
  if (Array.isArray(node)) {
    for (const item of node as readonly unknown[]) {
      const found = unknownVariable(item, known);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isObject(node) || !('op' in node)) return undefined;
  const { op, args } = node;
  if ((op === '.' || op === '.?') && Array.isArray(args)) {
    const [of, name] = args as readonly unknown[];
    if (isObject(of) && of['op'] === 'id' && of['args'] === 'variables' && !known.has(String(name)))
      return String(name);
  }
  return unknownVariable(args, known);
}
