// FieldsV1: sets of fields as they stand in metadata.managedFields, and their paths in words.

import { FairleadError } from '../../base/errors.ts';
import { isObject, setOwn, type Draft } from '../json.ts';
import { setOf, type FieldPath, type FieldSet } from './field-set.ts';
import { SELF, WholeValue } from './whole-value.ts';

const ELEMENT = /^[fkvi]:/;

/** Keys in their order of texts, so that equal sets are equal JSON. */
export function writeFields(set: FieldSet): Draft {
  if (set instanceof WholeValue) return set.fieldsV1();
  const out: Draft = {};
  // A member without children is an empty object by itself.
  if (set.isMember && set.children.size > 0) out[SELF] = {};
  const keys = [...set.children.keys()].sort();
  for (const key of keys) {
    const child = set.children.get(key);
    if (child !== undefined) setOwn(out, key, writeFields(child));
  }
  return out;
}

/** Throws `invalid` for what is no FieldsV1. */
export function readFields(value: unknown): FieldSet {
  if (!isObject(value)) throw unreadable('it is no object');
  const set = readNode(value, 0);
  return setOf(false, set.children);
}

const MAX_DEPTH = 100;

function readNode(value: Draft, depth: number): FieldSet {
  if (depth > MAX_DEPTH) throw unreadable(`nested deeper than ${MAX_DEPTH} levels`);
  const entries = Object.entries(value);
  if (entries.length === 0) return setOf(true, new Map());
  const children = new Map<string, FieldSet>();
  let isMember = false;
  for (const [key, inner] of entries) {
    if (key === SELF) {
      isMember = true;
      continue;
    }
    if (!ELEMENT.test(key) || !isObject(inner)) throw unreadable(`"${key.slice(0, 60)}" is no path element`);
    children.set(key, readNode(inner, depth + 1));
  }
  return setOf(isMember, children);
}

function unreadable(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot read fieldsV1: ${because}`);
}

/** ["f:spec", "f:containers", 'k:{"name":"web"}', "f:image"] -> '.spec.containers[name="web"].image'. */
export function pathText(path: FieldPath): string {
  return path.map(elementText).join('');
}

function elementText(element: string): string {
  const rest = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${rest}`;
    case 'k:':
      return `[${Object.entries(JSON.parse(rest) as Draft)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    case 'v:':
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}
