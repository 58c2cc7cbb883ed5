// How one annotation is read, and what may come of it.

import type { AnnotationFinding, IngressOptions } from './ingress-options.ts';

/** All of the Ingress's annotations, names without the prefix. */
export type Annotations = ReadonlyMap<string, string>;

export interface Reading extends Omit<AnnotationFinding, 'name'> {
  readonly options?: Partial<IngressOptions>;
}

export type Reader = (value: string, all: Annotations) => Reading;

/** Name of an annotation, without the prefix, and how it is read. */
export type ReaderRow = readonly [name: string, reader: Reader];

export function whole(message: string, options: Partial<IngressOptions> = {}): Reading {
  return { effect: 'whole', message, options };
}

export function changed(message: string, options: Partial<IngressOptions> = {}): Reading {
  return { effect: 'changed', message, options };
}

export function not(message: string): Reading {
  return { effect: 'not', message };
}

export function closed(message: string): Reading {
  return { effect: 'closed', message };
}

export function misread(what: string, value: string): Reading {
  return not(`no ${what}: ${quoted(value)}`);
}

/** A user's text in a message: of bounded length. */
export function quoted(value: string): string {
  return JSON.stringify(value).slice(0, 100);
}

/** A value that is none of its kind has no effect, as with ingress-nginx, and it is said. */
export function parsed<T>(
  parse: (value: string) => T | undefined,
  what: string,
  use: (parsed: T, all: Annotations) => Reading,
): Reader {
  return (value, all) => {
    const found = parse(value);
    return found === undefined ? misread(what, value) : use(found, all);
  };
}

/** Belongs to another annotation, which says what comes of it. */
export function partOf(name: string): Reader {
  return (_, all) => (all.has(name) ? whole(`part of ${name}`) : whole(`says nothing without ${name}`));
}

export function notHad(why: string): Reader {
  return () => not(why);
}
