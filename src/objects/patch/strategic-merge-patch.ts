// Strategic merge patch: a merge patch whose lists are merged by key, driven by the wire tables' facts, with the $directives that kubectl sends.
// Semantics: Kubernetes' "strategic merge patch" documents of sig-api-machinery.

import { FairleadError } from '../../base/errors.ts';
import {
  messageSchema,
  type MessageField,
  type MessageSchema,
} from '../../wire/kubernetes-protobuf-schema.ts';
import { getOwn, isObject, listOf, scalarText, setOwn, type Draft } from '../json.ts';
import { mergeOrder } from './merge-order.ts';

const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const RETAIN = '$retainKeys';

/** The patched object of message `schema`; neither argument is changed. Throws `invalid` for a malformed patch. */
export function applyStrategicMergePatch(original: Draft, patch: unknown, schema: MessageSchema): Draft {
  if (!isObject(patch)) throw refused('the patch is no object');
  return mergeObject(original, patch, schema);
}

function mergeObject(
  original: Readonly<Draft>,
  patch: Readonly<Draft>,
  schema: MessageSchema | undefined,
): Draft {
  const directive = patch['$patch'];
  if (directive === 'replace') return mergeObject({}, without(patch, '$patch'), schema);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw refused(`unknown directive $patch: ${scalarText(directive, 'no text')}`);
  const result = retained(original, patch[RETAIN]);
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_FROM)) deleteScalars(result, key.slice(DELETE_FROM.length), value);
    else if (value === null) delete result[key];
    else setOwn(result, key, mergeField(getOwn(result, key), value, schema?.byName.get(key)));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(ORDER))
      reorder(result, original, { key: key.slice(ORDER.length), order: value, schema });
  }
  return result;
}

function retained(original: Readonly<Draft>, keys: unknown): Draft {
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys)) throw refused(`${RETAIN} must be a list`);
  const keep = new Set<unknown>(keys);
  return Object.fromEntries(Object.entries(original).filter(([key]) => keep.has(key)));
}

function mergeField(original: unknown, patch: unknown, field: MessageField | undefined): unknown {
  if (isObject(patch)) {
    // A map's values are no messages; an object outside of the tables is merged key by key.
    const schema = field?.shape === 'one' ? schemaOf(field) : undefined;
    return mergeObject(isObject(original) ? original : {}, patch, schema);
  }
  if (!Array.isArray(patch)) return patch;
  if (field?.mergeKey === undefined) return cleanList(patch);
  if (field.mergeKey === '') return [...new Set([...listOf(original), ...patch])];
  return mergeList(listOf(original), patch, { mergeKey: field.mergeKey, schema: schemaOf(field) });
}

/** A list that replaces another one may still carry directives in its elements; they have no meaning there. */
function cleanList(patch: readonly unknown[]): unknown[] {
  return patch.map((item) => (isObject(item) && '$patch' in item ? without(item, '$patch') : item));
}

interface ListRule {
  readonly mergeKey: string;
  readonly schema: MessageSchema | undefined;
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], rule: ListRule): unknown[] {
  const elements = patch.map((item) => {
    if (!isObject(item)) throw refused(`an element of a list merged by "${rule.mergeKey}" is no object`);
    return item;
  });
  const isReplaced = elements.some((item) => item['$patch'] === 'replace' && Object.keys(item).length === 1);
  const result: unknown[] = isReplaced ? [] : [...original];
  for (const element of elements) {
    if (isReplaced && element['$patch'] === 'replace') continue;
    mergeElement(result, element, rule);
  }
  return result;
}

function mergeElement(list: unknown[], element: Readonly<Draft>, rule: ListRule): void {
  const key = getOwn(element, rule.mergeKey);
  if (key === undefined) throw refused(`an element of a list lacks its merge key "${rule.mergeKey}"`);
  const isSame = (item: unknown): boolean => isObject(item) && getOwn(item, rule.mergeKey) === key;
  if (element['$patch'] === 'delete') {
    for (let at = list.findIndex(isSame); at >= 0; at = list.findIndex(isSame)) list.splice(at, 1);
    return;
  }
  const at = list.findIndex(isSame);
  const before = at < 0 ? undefined : list[at];
  const merged = mergeObject(isObject(before) ? before : {}, element, rule.schema);
  if (at < 0) list.push(merged);
  else list[at] = merged;
}

function deleteScalars(result: Draft, key: string, values: unknown): void {
  if (!Array.isArray(values)) throw refused(`${DELETE_FROM}${key} must be a list`);
  const gone = new Set<unknown>(values);
  const list = getOwn(result, key);
  if (Array.isArray(list))
    setOwn(
      result,
      key,
      list.filter((item) => !gone.has(item)),
    );
}

interface Order {
  readonly key: string;
  readonly order: unknown;
  readonly schema: MessageSchema | undefined;
}

function reorder(result: Draft, original: Readonly<Draft>, { key, order, schema }: Order): void {
  const list = getOwn(result, key);
  const mergeKey = schema?.byName.get(key)?.mergeKey;
  if (!Array.isArray(order)) throw refused(`${ORDER}${key} must be a list`);
  if (!Array.isArray(list) || mergeKey === undefined) return;
  const identity = (item: unknown): unknown =>
    mergeKey === '' ? item : isObject(item) ? getOwn(item, mergeKey) : item;
  const wanted = order.map(identity);
  setOwn(
    result,
    key,
    mergeOrder(list, { identity, wanted, before: listOf(getOwn(original, key)).map(identity) }),
  );
}

function schemaOf(field: MessageField): MessageSchema | undefined {
  return field.type.kind === 'message' ? messageSchema(field.type.message) : undefined;
}

function without(object: Readonly<Draft>, key: string): Draft {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function refused(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot apply strategic merge patch: ${because}`);
}
