// What is said about a Corefile: where, how bad, and what to do.

export const COREFILE_LEVELS = ['error', 'warning', 'note'] as const;

/**
 * error: answers would be others than those that the file asks for, so that it is not taken.
 * warning: something that it asks for is not done; answers stay right.
 * note: it is done in another way.
 */
export type CorefileLevel = (typeof COREFILE_LEVELS)[number];

/** From 1 each. */
export interface CorefilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface CorefileFinding {
  readonly level: CorefileLevel;
  readonly place: CorefilePlace;
  readonly message: string;
  /** What to do, as an order; undefined where nothing is to be done. */
  readonly fix: string | undefined;
}

/** "Corefile:3:5: error: ...". */
export function findingText({ level, place, message, fix }: CorefileFinding): string {
  const { file, line, column } = place;
  return `${file}:${line}:${column}: ${level}: ${message}${fix === undefined ? '' : `; ${fix}`}`;
}

/** Ends the reading of a file that is none. */
export class CorefileSyntaxError extends Error {
  readonly finding: CorefileFinding;

  constructor(place: CorefilePlace, message: string, fix: string) {
    super(message);
    this.finding = { level: 'error', place, message, fix };
  }
}
