// What every Kubernetes object has, and the selectors by which objects are chosen. It knows no kind.

import { FairleadError } from '../base/errors.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Times are RFC 3339 texts in UTC, whole seconds. */
export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  /** Who has which fields: read by `objects/apply` alone. */
  readonly managedFields?: readonly object[];
}

/** An object as the API server serves it; what lies beside `metadata` depends on the kind. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** "namespace/name", or "name" for what has no namespace: the key by which objects of one resource are told apart. */
export function keyOf(object: {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** A LabelSelector as it stands in objects (spec.selector of a Deployment, podSelector of a NetworkPolicy). */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** One condition of a selector; all conditions of a selector must hold. */
export type Requirement =
  | { readonly kind: 'in'; readonly key: string; readonly values: ReadonlySet<string> }
  /** True also where the key is absent, as the API defines it. */
  | { readonly kind: 'not-in'; readonly key: string; readonly values: ReadonlySet<string> }
  | { readonly kind: 'exists'; readonly key: string }
  | { readonly kind: 'absent'; readonly key: string }
  | { readonly kind: 'greater' | 'less'; readonly key: string; readonly bound: number };

/** Matches everything when empty. */
export type Selector = readonly Requirement[];

type Labels = Readonly<Record<string, string>> | ReadonlyMap<string, string> | undefined;

export function matchesSelector(selector: Selector, labels: Labels): boolean {
  return selector.every((requirement) => matchesRequirement(requirement, labels));
}

function matchesRequirement(requirement: Requirement, labels: Labels): boolean {
  const { key } = requirement;
  const value = labelOf(labels, key);
  switch (requirement.kind) {
    case 'in':
      return value !== undefined && requirement.values.has(value);
    case 'not-in':
      return value === undefined || !requirement.values.has(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'greater':
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) > requirement.bound;
    case 'less':
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) < requirement.bound;
  }
}

function labelOf(labels: Labels, key: string): string | undefined {
  if (labels === undefined) return undefined;
  if (labels instanceof Map) return (labels as ReadonlyMap<string, string>).get(key);
  const record = labels as Readonly<Record<string, string>>;
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The selector of an object's field. An absent selector selects nothing in the API: decide that before calling. */
export function selectorOf(selector: LabelSelector): Selector {
  const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => isIn(key, [value]));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return isIn(key, values);
      case 'NotIn':
        return { kind: 'not-in', key, values: new Set(values) } as const;
      case 'Exists':
        return { kind: 'exists', key } as const;
      case 'DoesNotExist':
        return { kind: 'absent', key } as const;
      default:
        throw new FairleadError('invalid', `Cannot read selector: "${operator}" is not a valid operator`);
    }
  });
  return [...equalities, ...expressions];
}

/** The selector that equals each of `labels` (the plain map of a Service). */
export function selectorOfLabels(labels: Readonly<Record<string, string>>): Selector {
  return selectorOf({ matchLabels: labels });
}

const MAX_SELECTOR_LENGTH = 64 * 1024;
const TOKEN = /\s*(?:([A-Za-z0-9](?:[\w./-]*[A-Za-z0-9])?)|(==|!=|=|!|,|\(|\)|>|<)|$)/y;

/** The selector of a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`; throws `invalid` naming what was found where. */
export function parseLabelSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_LENGTH) {
    throw new FairleadError('invalid', `Cannot read selector: longer than ${MAX_SELECTOR_LENGTH} characters`);
  }
  const tokens = tokensOf(text);
  const requirements: Requirement[] = [];
  const take = (): string => tokens.shift() ?? '';
  while (tokens.length > 0) {
    requirements.push(parseRequirement(take, () => tokens[0] ?? ''));
    if (tokens.length === 0) break;
    const comma = take();
    if (comma !== ',' || tokens.length === 0)
      throw unreadable(text, `found "${comma}", expected "," and a condition`);
  }
  return requirements;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw unreadable(text, `unexpected "${text.slice(at, at + 10)}"`);
    const token = match[1] ?? match[2];
    if (token === undefined) break;
    tokens.push(token);
  }
  return tokens;
}

function parseRequirement(take: () => string, peek: () => string): Requirement {
  const first = take();
  if (first === '!') return { kind: 'absent', key: keyToken(take()) };
  const key = keyToken(first);
  const next = peek();
  if (next === '' || next === ',') return { kind: 'exists', key };
  switch (take()) {
    case '=':
    case '==':
      return isIn(key, [valueAfter(take, peek)]);
    case '!=':
      return { kind: 'not-in', key, values: new Set([valueAfter(take, peek)]) };
    case 'in':
      return isIn(key, parseValues(take, peek));
    case 'notin':
      return { kind: 'not-in', key, values: new Set(parseValues(take, peek)) };
    case '>':
      return { kind: 'greater', key, bound: boundOf(take()) };
    case '<':
      return { kind: 'less', key, bound: boundOf(take()) };
    default:
      throw unreadable(key, `found "${next}", expected one of =, ==, !=, in, notin, >, <`);
  }
}

function keyToken(token: string): string {
  if (token === '' || !/^[A-Za-z0-9]/.test(token)) throw unreadable(token, 'expected a label key');
  return token;
}

/** The value may be absent: `a=` asks for the empty value. */
function valueAfter(take: () => string, peek: () => string): string {
  const next = peek();
  if (next === '' || next === ',') return '';
  return keyToken(take());
}

function boundOf(token: string): number {
  if (!/^-?\d+$/.test(token)) throw unreadable(token, 'expected a whole number');
  return Number(token);
}

function parseValues(take: () => string, peek: () => string): string[] {
  if (take() !== '(') throw unreadable('', 'expected "(" after in or notin');
  const values: string[] = [];
  for (;;) {
    values.push(peek() === ',' || peek() === ')' ? '' : keyToken(take()));
    const next = take();
    if (next === ')') return values;
    if (next !== ',') throw unreadable('', `found "${next}", expected "," or ")"`);
  }
}

function isIn(key: string, values: readonly string[]): Requirement {
  return { kind: 'in', key, values: new Set(values) };
}

function unreadable(text: string, because: string): FairleadError {
  return new FairleadError('invalid', `Cannot read selector "${text.slice(0, 80)}": ${because}`);
}

/** One term of a field selector: `spec.nodeName=a` or `status.phase!=Running`. */
export interface FieldRequirement {
  readonly path: string;
  readonly value: string;
  readonly isNegated: boolean;
}

/** Reads `a.b=c,d!=e`; backslash escapes the next character in a value. Which paths a kind supports is its own affair. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  if (text.length > MAX_SELECTOR_LENGTH) {
    throw new FairleadError('invalid', `Cannot read selector: longer than ${MAX_SELECTOR_LENGTH} characters`);
  }
  const terms = text.split(/(?<!\\),/).filter((term) => term !== '');
  return terms.map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/s.exec(term);
    if (match === null) throw unreadable(text, `"${term.slice(0, 40)}" is no condition`);
    const [, path = '', operator, value = ''] = match;
    return { path, value: value.replaceAll(/\\(.)/g, '$1'), isNegated: operator === '!=' };
  });
}
