// Reading headers and query parameters: those to match, and those to change. Names of headers mean the same in any case and are kept in lower case.

import type { Field } from '../slim-field.ts';
import type { HeaderChange, HeaderValue, NamedMatch } from './common.ts';
import { texts } from './references.ts';

const MATCH_TYPES = { Exact: 'exact', RegularExpression: 'regex' } as const;

export function readMatchType(field: Field): NamedMatch['type'] {
  return field.choice(MATCH_TYPES, 'exact');
}

export function readHeaderMatches(field: Field): readonly NamedMatch[] {
  return firstOfName(field.list().map((it) => ({ ...readMatch(it), name: readHeaderName(it.at('name')) })));
}

export function readQueryMatches(field: Field): readonly NamedMatch[] {
  return firstOfName(field.list().map(readMatch));
}

function readMatch(field: Field): NamedMatch {
  return {
    type: readMatchType(field.at('type')),
    name: field.at('name').text(),
    value: field.at('value').text(),
  };
}

export function readHeaderChange(field: Field): HeaderChange {
  return {
    set: readHeaderValues(field.at('set')),
    add: readHeaderValues(field.at('add')),
    remove: readHeaderNames(field.at('remove')),
  };
}

function readHeaderValues(field: Field): readonly HeaderValue[] {
  return firstOfName(
    field.list().map((it) => ({ name: readHeaderName(it.at('name')), value: it.at('value').text() })),
  );
}

export function readHeaderNames(field: Field): readonly string[] {
  return [...new Set(texts(field).map((it) => it.toLowerCase()))];
}

function readHeaderName(field: Field): string {
  return field.text().toLowerCase();
}

/** Of several of one name the first counts, the others must be ignored. */
function firstOfName<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const item of items) if (!byName.has(item.name)) byName.set(item.name, item);
  return [...byName.values()];
}
