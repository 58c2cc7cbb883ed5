// Maps as expressions see them.

/** Names that the library takes for those of JavaScript where they stand in an object. */
const TRAPS = ['constructor', '__proto__'];

/** A map of entries: an object, or a Map where a key would be taken for something else. */
export function celMap(entries: Iterable<readonly [string, unknown]>): unknown {
  const map = new Map(entries);
  return TRAPS.some((it) => map.has(it)) ? map : Object.fromEntries(map);
}

/** JSON as expressions see it that know no schema: whole numbers are integers. */
export function celOfJson(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celOfJson);
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return celMap(entries.map(([key, item]) => [key, celOfJson(item)]));
}
