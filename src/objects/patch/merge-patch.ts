// JSON merge patch (RFC 7386).

import { getOwn, isObject, setOwn, type Draft } from '../json.ts';

/** The patched value; neither argument is changed. */
export function applyMergePatch(original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Draft = isObject(original) ? { ...original } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(getOwn(result, key), value));
  }
  return result;
}
