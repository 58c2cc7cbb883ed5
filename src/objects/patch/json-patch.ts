// JSON patch (RFC 6902) with JSON pointers (RFC 6901).

import { FairleadError } from '../../base/errors.ts';
import { getOwn, isObject, isSameJson, setOwn, textOf } from '../json.ts';

const MAX_OPERATIONS = 10_000;

/** The patched value; `original` is not changed. Throws `invalid` for a malformed patch and for a test that fails. */
export function applyJsonPatch(original: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw refused('the patch is no list of operations');
  if (patch.length > MAX_OPERATIONS) throw refused(`more than ${MAX_OPERATIONS} operations`);
  let result: unknown = structuredClone(original);
  for (const operation of patch) result = applyOperation(result, operation);
  return result;
}

function applyOperation(document: unknown, operation: unknown): unknown {
  if (!isObject(operation)) throw refused('an operation is no object');
  const path = pointerOf(operation['path']);
  switch (operation['op']) {
    case 'add':
      return add(document, path, valueOf(operation));
    case 'remove':
      return remove(document, path);
    case 'replace':
      read(document, path);
      return path.length === 0 ? valueOf(operation) : add(remove(document, path), path, valueOf(operation));
    case 'move': {
      const from = pointerOf(operation['from']);
      if (from.length < path.length && from.every((part, i) => part === path[i])) {
        throw refused('a value cannot be moved into itself');
      }
      const moved = read(document, from);
      return add(remove(document, from), path, moved);
    }
    case 'copy':
      return add(document, path, structuredClone(read(document, pointerOf(operation['from']))));
    case 'test':
      if (isSameJson(read(document, path), valueOf(operation))) return document;
      throw refused(`testing value ${textOf(operation['path']) ?? ''} failed`);
    default:
      throw refused(`unknown operation ${JSON.stringify(operation['op'])}`);
  }
}

function valueOf(operation: Readonly<Record<string, unknown>>): unknown {
  const value = getOwn(operation, 'value');
  if (value === undefined) throw refused('an operation lacks its value');
  return structuredClone(value);
}

function pointerOf(text: unknown): readonly string[] {
  if (typeof text !== 'string') throw refused('an operation lacks its path');
  if (text === '') return [];
  if (!text.startsWith('/')) throw refused(`path "${text}" does not start with "/"`);
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, path: readonly string[]): unknown {
  let at = document;
  for (const part of path) {
    const next = Array.isArray(at)
      ? at[indexOf(part, at.length - 1)]
      : isObject(at)
        ? getOwn(at, part)
        : undefined;
    if (next === undefined) throw refused(`there is nothing at /${path.join('/')}`);
    at = next;
  }
  return at;
}

/** Changes `document` in place: it is the patch's own copy. */
function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent))
    parent.splice(last === '-' ? parent.length : indexOf(last, parent.length), 0, value);
  else if (isObject(parent)) setOwn(parent, last, value);
  else throw refused(`the parent of /${path.join('/')} holds nothing`);
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) throw refused('the whole object cannot be removed');
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexOf(last, parent.length - 1), 1);
  else if (isObject(parent) && Object.hasOwn(parent, last)) delete parent[last];
  else throw refused(`there is nothing at /${path.join('/')}`);
  return document;
}

function indexOf(part: string, max: number): number {
  const index = /^(0|[1-9]\d{0,8})$/.test(part) ? Number(part) : -1;
  if (index < 0 || index > max) throw refused(`index "${part}" is outside of the list`);
  return index;
}

function refused(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot apply JSON patch: ${because}`);
}
