// What a printer is, and the texts that many of them share: ages, selectors, lists.

import { scalarText, listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';

export interface Column {
  readonly name: string;
  /** "string" where nothing is said. */
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  /** Above 0: shown with -o wide alone. */
  readonly priority?: number;
}

export interface Printer {
  readonly columns: readonly Column[];
  /** One value per column. */
  readonly cells: (object: KubeObject, nowMs: number) => readonly (string | number | boolean | null)[];
}

export const NAME: Column = { name: 'Name' };
export const AGE: Column = { name: 'Age' };

export function column(name: string): Column {
  return { name };
}

export function integer(name: string): Column {
  return { name, type: 'integer' };
}

export function wide(name: string): Column {
  return { name, priority: 1 };
}

export function specOf(object: KubeObject): Readonly<Draft> {
  return objectOf(object['spec']);
}

export function statusOf(object: KubeObject): Readonly<Draft> {
  return objectOf(object['status']);
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function orNone(text: string): string {
  return text === '' ? '<none>' : text;
}

/** The age of an object. */
export function ageOf(object: KubeObject, nowMs: number): string {
  return ageSince(object.metadata.creationTimestamp, nowMs);
}

export function ageSince(timestamp: unknown, nowMs: number): string {
  const text = textOf(timestamp);
  return text === undefined ? '<unknown>' : humanDuration(nowMs - Date.parse(text));
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Two units at most, less precise the longer it is: 90s, 3m5s, 12m, 5h30m, 2d3h, 40d, 2y10d (duration.HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return pair(seconds, [MINUTE, 'm'], [1, 's']);
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return pair(seconds, [HOUR, 'h'], [MINUTE, 'm']);
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return pair(seconds, [DAY, 'd'], [HOUR, 'h']);
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return pair(seconds, [YEAR, 'y'], [DAY, 'd']);
  return `${Math.floor(seconds / YEAR)}y`;
}

type Unit = readonly [number, string];

function pair(seconds: number, [big, bigName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((seconds % big) / small);
  const first = `${Math.floor(seconds / big)}${bigName}`;
  return rest === 0 ? first : `${first}${rest}${smallName}`;
}

/** A LabelSelector in the short form of kubectl: `a=b,c in (d,e),!f`. */
export function selectorText(selector: unknown): string {
  const { matchLabels, matchExpressions } = objectOf(selector);
  const expressions = listOf(matchExpressions).map((it) => {
    const { key, operator, values } = objectOf(it);
    const list = listOf(values).join(',');
    if (operator === 'In') return `${scalarText(key)} in (${list})`;
    if (operator === 'NotIn') return `${scalarText(key)} notin (${list})`;
    return operator === 'Exists' ? String(key) : `!${scalarText(key)}`;
  });
  return [labelsText(matchLabels), ...expressions].filter((text) => text !== '').join(',');
}

export function labelsText(labels: unknown): string {
  return Object.entries(objectOf(labels))
    .map(([key, value]) => `${key}=${scalarText(value)}`)
    .sort()
    .join(',');
}

/** Names and images of a pod template's containers. */
export function containersOf(template: unknown): { readonly names: string; readonly images: string } {
  const containers = listOf(objectOf(objectOf(template)['spec'])['containers']).map(objectOf);
  return {
    names: containers.map((it) => textOf(it['name']) ?? '').join(','),
    images: containers.map((it) => textOf(it['image']) ?? '').join(','),
  };
}
