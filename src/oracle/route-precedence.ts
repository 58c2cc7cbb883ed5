// Who goes first of several that have the same thing: step by step, so that the one that decides can be named.

import { objectKey } from '../objects/slim-meta.ts';

/** What decides between two. */
export type Precedence =
  'hostname' | 'default' | 'path' | 'method' | 'headers' | 'query' | 'age' | 'name' | 'kind' | 'position';

export interface Step<T> {
  readonly by: Precedence;
  /** Negative where the first one goes first. */
  readonly compare: (a: T, b: T) => number;
}

interface Dated {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
}

/** "The oldest Route", "the Route appearing first in alphabetical order by {namespace}/{name}". */
export function stepsOfRoutes<T>(routeOf: (of: T) => Dated): readonly Step<T>[] {
  return [
    { by: 'age', compare: (a, b) => compareTexts(routeOf(a).createdAt, routeOf(b).createdAt) },
    { by: 'name', compare: (a, b) => compareTexts(objectKey(routeOf(a)), objectKey(routeOf(b))) },
  ];
}

/** Undefined where nothing does. */
export function decidingStep<T>(steps: readonly Step<T>[], a: T, b: T): Step<T> | undefined {
  return steps.find(({ compare }) => compare(a, b) !== 0);
}

/** For sorting. */
export function compareBy<T>(steps: readonly Step<T>[], a: T, b: T): number {
  return decidingStep(steps, a, b)?.compare(a, b) ?? 0;
}

export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
