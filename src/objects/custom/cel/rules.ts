// The rules of a schema (x-kubernetes-validations): compiled once, asked of every object that the schema itself accepts.

import { getOwn, isObject, isSameJson } from '../../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  required,
  type FieldError,
} from '../../validation/field-error.ts';
import type { Schema, SchemaRule } from '../schema.ts';
import { compileExpression, summaryOf, type Expression } from '../../cel/expression.ts';
import { celType, celValue, optionalValue } from './values.ts';

interface CompiledRule {
  readonly rule: SchemaRule;
  readonly expression: Expression;
  readonly message: Expression | undefined;
}

/** The rules at a schema and below it. */
export interface RuleTree {
  readonly schema: Schema;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly additional: RuleTree | undefined;
  readonly items: RuleTree | undefined;
}

/** Undefined where there is no rule. Rules that do not compile are left out: no definition has them. */
export function compileRules(schema: Schema): RuleTree | undefined {
  const rules = schema.rules.flatMap((rule) => compiledRule(rule, schema));
  const inner = [...schema.properties].flatMap(([name, it]) => {
    const tree = compileRules(it);
    return tree === undefined ? [] : [[name, tree] as const];
  });
  const additional = schema.additional === undefined ? undefined : compileRules(schema.additional);
  const items = schema.items === undefined ? undefined : compileRules(schema.items);
  if (rules.length === 0 && inner.length === 0 && additional === undefined && items === undefined)
    return undefined;
  return { schema, rules, properties: new Map(inner), additional, items };
}

function compiledRule(rule: SchemaRule, schema: Schema): readonly CompiledRule[] {
  try {
    const { expression, message } = expressionsOf(rule, schema);
    return [{ rule, expression, message }];
  } catch {
    return [];
  }
}

/** Throws `invalid` where one does not compile. */
export function expressionsOf(
  rule: SchemaRule,
  schema: Schema,
): { readonly expression: Expression; readonly message: Expression | undefined } {
  const self = celType(schema);
  const types = { self, oldSelf: rule.hasOptionalOldSelf ? 'optional' : self };
  const { messageExpression } = rule;
  return {
    expression: compileExpression(rule.rule, types),
    message: messageExpression === undefined ? undefined : compileExpression(messageExpression, types),
  };
}

/** What the rules say of `object`, which the schema accepts; `before` is the stored one. */
export function ruleErrors(tree: RuleTree, object: unknown, before: unknown): readonly FieldError[] {
  return treeErrors(tree, object, { at: '', before });
}

interface Place {
  readonly at: string;
  /** Undefined where there was nothing, or nothing that can be told to be the same. */
  readonly before: unknown;
}

function treeErrors(tree: RuleTree, value: unknown, place: Place): readonly FieldError[] {
  const { at, before } = place;
  if (value === null || value === undefined) return [];
  // What did not change was right before, or is left as it was.
  if (before !== undefined && isSameJson(value, before)) return [];
  const own = tree.rules.length === 0 ? [] : ownErrors(tree, value, place);
  return [...own, ...innerErrors(tree, value, { at, before })];
}

function innerErrors(tree: RuleTree, value: unknown, { at, before }: Place): readonly FieldError[] {
  if (Array.isArray(value)) return itemErrors(tree, value, { at, before });
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const inner = tree.properties.get(name) ?? tree.additional;
    const old = isObject(before) ? getOwn(before, name) : undefined;
    return inner === undefined
      ? []
      : treeErrors(inner, field, { at: at === '' ? name : `${at}.${name}`, before: old });
  });
}

/** Elements of a map are the same by their keys; those of other lists have no before. */
function itemErrors(tree: RuleTree, list: readonly unknown[], { at, before }: Place): readonly FieldError[] {
  const { items, schema } = tree;
  if (items === undefined) return [];
  const identityOf = (item: unknown): string =>
    JSON.stringify(schema.listMapKeys.map((key) => (isObject(item) ? getOwn(item, key) : null)));
  const known = new Map<string, unknown>(
    schema.listType === 'map' && Array.isArray(before)
      ? before.map((item: unknown) => [identityOf(item), item])
      : [],
  );
  return list.flatMap((item, i) =>
    treeErrors(items, item, { at: `${at}[${i}]`, before: known.get(identityOf(item)) }),
  );
}

function ownErrors(
  { rules, schema }: RuleTree,
  value: unknown,
  { at, before }: Place,
): readonly FieldError[] {
  const self = celValue(schema, value);
  const old = before === undefined ? undefined : celValue(schema, before);
  return rules.flatMap((compiled) => {
    const { rule, expression } = compiled;
    // A rule of a transition has nothing to say where there is none.
    if (expression.names.has('oldSelf') && old === undefined && !rule.hasOptionalOldSelf) return [];
    const values = { self, oldSelf: rule.hasOptionalOldSelf ? optionalValue(old) : old };
    const field =
      rule.fieldPath === undefined ? at : `${at}${at === '' ? rule.fieldPath.slice(1) : rule.fieldPath}`;
    try {
      if (expression.evaluate(values) === true) return [];
      return [brokenRule(rule, field, { shown: shownOf(value), message: messageOf(compiled, values) })];
    } catch (error) {
      const text = `${summaryOf(error)} evaluating rule: ${rule.message ?? rule.rule}`;
      return [invalidValue(field, shownOf(value), text)];
    }
  });
}

function messageOf({ rule, message }: CompiledRule, values: Parameters<Expression['evaluate']>[0]): string {
  const otherwise = rule.message ?? `failed rule: ${rule.rule}`;
  if (message === undefined) return otherwise;
  try {
    const text = message.evaluate(values);
    return typeof text === 'string' && text.trim() !== '' && !text.includes('\n') ? text : otherwise;
  } catch {
    return otherwise;
  }
}

function brokenRule(
  rule: SchemaRule,
  field: string,
  { shown, message }: { readonly shown: unknown; readonly message: string },
): FieldError {
  switch (rule.reason) {
    case 'FieldValueRequired':
      return required(field, message);
    case 'FieldValueForbidden':
      return forbiddenField(field, message);
    case 'FieldValueDuplicate':
      return duplicate(field, shown);
    default:
      return invalidValue(field, shown, message);
  }
}

/** Scalars are shown as they are, of everything else the type. */
function shownOf(value: unknown): unknown {
  if (Array.isArray(value)) return 'array';
  return isObject(value) ? 'object' : value;
}
