// What tests of the Gateway API's validation share: rows of objects and of what is said of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from '../../src/objects/defaults/defaults.ts';
import { SchemaChecks } from '../../src/objects/validation/schema.ts';
import { validateObject } from '../../src/objects/validation/validate.ts';

export type Loose = Record<string, unknown>;

/** What is wrong with an object of a kind, as `field: message`; `stored` is its specification before an update. */
export async function findings(kind: string, spec: unknown, stored?: unknown): Promise<readonly string[]> {
  await SCHEMAS.load(`gateway.${kind}`);
  // Defaults are filled in place, and rows share their samples.
  const given = structuredClone({ metadata: { name: 'web', namespace: 'shop' }, spec });
  applyDefaults(`gateway.${kind}`, given);
  const was = stored === undefined ? undefined : { spec: stored };
  return validateObject(`gateway.${kind}`, given, { schemas: SCHEMAS, before: was }).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const SCHEMAS = new SchemaChecks();

/** A specification of a kind, and everything that is wrong with it. */
export type Row = readonly [name: string, kind: string, spec: unknown, expected: readonly string[]];

export function testRows(rows: readonly Row[]): void {
  for (const [name, kind, spec, expected] of rows) {
    test(`${kind} ${expected.length === 0 ? 'lets in' : 'refuses'} ${name}`, async () => {
      assert.deepEqual(await findings(kind, spec), expected);
    });
  }
}

export const SERVICE = { name: 'a', port: 80 };
export const filters = (...of: readonly Loose[]): Loose => ({ rules: [{ filters: of }] });
export const redirect = (of: Loose = {}): Loose => ({ type: 'RequestRedirect', requestRedirect: of });
export const rewrite = (of: Loose = {}): Loose => ({ type: 'URLRewrite', urlRewrite: of });
export const modifier = (of: Loose): Loose =>
  filters({ type: 'RequestHeaderModifier', requestHeaderModifier: of });
export const many = <T>(count: number, item: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => item(i));

export const RULE = 'spec.rules[0]';
export const FILTER = `${RULE}.filters[0]`;
export const object = (field: string, message: string): string =>
  `${field}: Invalid value: "object": ${message}`;
export const array = (field: string, message: string): string =>
  `${field}: Invalid value: "array": ${message}`;
export const UNCHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
