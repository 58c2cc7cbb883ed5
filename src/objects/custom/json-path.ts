// The JSONPath that definitions may use: fields, indexes, wildcards and filters by one comparison. Simple paths (of scale and selectable fields) have fields alone.

import { getOwn, isObject, isSameJson } from '../json.ts';

const STEP =
  /\.(?<field>[A-Za-z0-9_$-]+(?:\\.[A-Za-z0-9_$-]+)*)|\[(?:'(?<quoted>[^']*)'|"(?<double>[^"]*)"|(?<index>-?\d{1,9})|(?<all>\*)|\?\(@(?<left>(?:\.[A-Za-z0-9_$-]+)+)\s*==\s*(?<right>"[^"]*"|'[^']*'|-?\d+|true|false)\s*\))\]|(?<star>\.\*)/y;

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly value: unknown };

/** Steps of `path`; undefined where it is no path of ours. Braces around it are allowed, as kubectl allows them. */
export function parseJsonPath(path: string): readonly Step[] | undefined {
  const text = path.startsWith('{') && path.endsWith('}') ? path.slice(1, -1) : path;
  if (!text.startsWith('.') || text.length > 1024) return undefined;
  const steps: Step[] = [];
  // Of its own: filters have paths inside.
  const step = new RegExp(STEP);
  // "." alone is the object itself.
  if (text === '.') return steps;
  while (step.lastIndex < text.length) {
    const groups = step.exec(text)?.groups;
    if (groups === undefined) return undefined;
    steps.push(stepOf(groups));
  }
  return steps;
}

function stepOf(groups: Readonly<Record<string, string | undefined>>): Step {
  const { field, quoted, double, index, left, right } = groups;
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (left !== undefined) return { kind: 'filter', path: parseJsonPath(left) ?? [], value: literalOf(right) };
  const name = field?.replaceAll('\\.', '.') ?? quoted ?? double;
  return name === undefined ? { kind: 'all' } : { kind: 'field', name };
}

function literalOf(text = ''): unknown {
  return text.startsWith("'") ? text.slice(1, -1) : (JSON.parse(text) as unknown);
}

/** True for ".spec.replicas" and its like. */
export function isSimplePath(path: string): boolean {
  const steps = path.startsWith('.') ? parseJsonPath(path) : undefined;
  return steps !== undefined && steps.length > 0 && steps.every(({ kind }) => kind === 'field');
}

/** The first value at `path`, undefined where nothing is there. */
export function firstAt(object: unknown, path: string): unknown {
  let places: readonly unknown[] = [object];
  for (const step of parseJsonPath(path) ?? []) places = places.flatMap((place) => take(place, step));
  return places[0];
}

function take(place: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case 'field': {
      const value = isObject(place) ? getOwn(place, step.name) : undefined;
      return value === undefined ? [] : [value];
    }
    case 'index': {
      const value: unknown = Array.isArray(place) ? place.at(step.index) : undefined;
      return value === undefined ? [] : [value];
    }
    case 'all':
      return Array.isArray(place) ? place : isObject(place) ? Object.values(place) : [];
    case 'filter':
      return Array.isArray(place) ? place.filter((item) => matches(item, step.path, step.value)) : [];
  }
}

function matches(item: unknown, path: readonly Step[], value: unknown): boolean {
  let places: readonly unknown[] = [item];
  for (const step of path) places = places.flatMap((place) => take(place, step));
  return places.some((place) => isSameJson(place, value));
}

/** Sets the value at a simple path, making the objects on the way. */
export function setAt(object: Record<string, unknown>, path: string, value: unknown): void {
  const names = (parseJsonPath(path) ?? []).map((step) => (step.kind === 'field' ? step.name : ''));
  let place = object;
  for (const name of names.slice(0, -1)) {
    const next = getOwn(place, name);
    const fresh: Record<string, unknown> = isObject(next) ? { ...next } : {};
    place[name] = fresh;
    place = fresh;
  }
  place[names.at(-1) ?? ''] = value;
}
