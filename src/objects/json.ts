// Plain JSON values and the few questions asked of them everywhere.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** A JSON object that is being built; it belongs to one request alone. */
export type Draft = Record<string, unknown>;

export function isObject(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object, `{}` where it is none: for reading optional parts. */
export function objectOf(value: unknown): Readonly<Draft> {
  return isObject(value) ? value : {};
}

/** The value as a list, empty where it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as text, undefined where it is none or empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Sets an own property whatever its name is: `__proto__` in a body is a key like any other. */
export function setOwn(target: Draft, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  } else target[key] = value;
}

/** The own property, never an inherited one. */
export function getOwn(source: Readonly<Draft>, key: string): unknown {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

/** Deep equality of JSON values; absent and undefined are the same, the order of keys does not matter. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => isSameJson(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  for (const key of Object.keys(a)) if (!isSameJson(a[key], getOwn(b, key))) return false;
  for (const key of Object.keys(b)) if (b[key] !== undefined && getOwn(a, key) === undefined) return false;
  return true;
}

/** A string, number or boolean as text; `otherwise` for everything else. */
export function scalarText(value: unknown, otherwise = ''): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : otherwise;
}
