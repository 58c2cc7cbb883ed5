import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDefinition, type KindOptions } from '../../../test/support/custom-kinds.ts';
import { defaultCustomResourceDefinition } from '../defaults/custom-resource-definition.ts';
import type { Draft } from '../json.ts';
import { validateDefinition } from './validate-definition.ts';

const SPEC = 'spec.versions[0].schema.openAPIV3Schema.properties[spec]';

function complaints(options: KindOptions, change?: (definition: Draft) => void): readonly string[] {
  const definition = aDefinition(options) as Draft;
  change?.(definition);
  defaultCustomResourceDefinition(definition);
  return validateDefinition(definition, undefined).map((it) => `${it.field}: ${it.message}`);
}

function nested(depth: number): object {
  return depth === 0 ? { type: 'string' } : { type: 'object', properties: { a: nested(depth - 1) } };
}

type Row = readonly [name: string, spec: object, ...errors: string[]];

/** Schemas of `spec`, and what is wrong with each. */
const SCHEMAS: readonly Row[] = [
  ['nothing', { type: 'object', properties: { a: { type: 'string' } } }],
  [
    'a field without type',
    { type: 'object', properties: { a: {} } },
    `${SPEC}.properties[a].type: Required value: must not be empty for specified object fields`,
  ],
  [
    'elements without type',
    { type: 'array', items: {} },
    `${SPEC}.items.type: Required value: must not be empty for specified array items`,
  ],
  ['a list without elements', { type: 'array' }, `${SPEC}.items: Required value: must be specified`],
  ['a reference', { type: 'object', $ref: '#/x' }, `${SPEC}.$ref: Forbidden: $ref is not supported`],
  [
    'unique items',
    { type: 'array', items: { type: 'string' }, uniqueItems: true },
    `${SPEC}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
  ],
  [
    'properties and more of them',
    { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } },
    `${SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  [
    'a type inside of anyOf',
    {
      type: 'object',
      properties: { a: { type: 'string' } },
      anyOf: [{ properties: { a: { type: 'string' } } }],
    },
    `${SPEC}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural`,
  ],
  [
    'a field that is declared inside of anyOf alone',
    { type: 'object', anyOf: [{ properties: { a: { minLength: 1 } } }] },
    `${SPEC}.properties[a]: Required value: because it is defined in ${SPEC}.anyOf[0].properties[a]`,
  ],
  [
    'number or text, in words of old',
    { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
  ],
  ['anything', { 'x-kubernetes-preserve-unknown-fields': true }],
  [
    'a pattern that is none',
    { type: 'string', pattern: '^(?=a)' },
    `${SPEC}.pattern: Invalid value: "^(?=a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?=\``,
  ],
  [
    'a pattern that would grow',
    { type: 'string', pattern: '((a{1000}){1000}){1000}' },
    `${SPEC}.pattern: Invalid value: "((a{1000}){1000}){1000}": must be a valid regular expression, but isn't: error parsing regexp: invalid repeat count: \`{1000}\``,
  ],
  [
    'a long pattern',
    { type: 'string', pattern: 'a'.repeat(5000) },
    `${SPEC}.pattern: Invalid value: "${'a'.repeat(199)}...: must be no longer than 4096 characters`,
  ],
  [
    'an enumeration without end',
    { type: 'string', enum: Array.from({ length: 100_000 }, (_, i) => `value-${i}`) },
    `${SPEC}.enum: Too long: may not be more than 65536 bytes`,
  ],
  [
    'a deep one',
    nested(60),
    `${SPEC}${'.properties[a]'.repeat(48)}: Forbidden: schemas are nested deeper than 48 levels`,
  ],
  [
    'a map without keys',
    { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } },
    `${SPEC}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
  ],
  [
    'a default of another type',
    { type: 'object', properties: { a: { type: 'integer', default: 'x' } } },
    `${SPEC}.properties[a].default: Invalid value: "string": ${SPEC}.properties[a].default in body must be of type integer: "string"`,
  ],
];

for (const [name, spec, ...expected] of SCHEMAS) {
  test(`validateDefinition() finds in a schema: ${name}`, () => {
    const found = complaints({ spec });
    if (name === 'a deep one') assert.match(found[0] ?? '', /nested deeper than 48 levels$/);
    else assert.deepEqual(found, expected);
  });
}

const DEFINITIONS: readonly (readonly [string, KindOptions, (definition: never) => void, ...string[]])[] = [
  [
    'another name',
    {},
    (it: { metadata: { name: string } }) => (it.metadata.name = 'x'),
    'metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group',
  ],
  [
    'a group of one word',
    { group: 'apps' },
    () => undefined,
    'spec.group: Invalid value: "apps": should be a domain with at least one dot',
  ],
  [
    'two storage versions',
    {},
    (it: { spec: { versions: object[] } }) => it.spec.versions.push({ ...it.spec.versions[0], name: 'v2' }),
    'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version',
  ],
  [
    'a webhook',
    {},
    (it: { spec: { conversion: object } }) => (it.spec.conversion = { strategy: 'Webhook' }),
    'spec.conversion.strategy: Forbidden: this server calls no webhooks: use "None", which changes apiVersion alone',
  ],
  [
    'a version without schema',
    { version: { schema: {} } },
    () => undefined,
    'spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required',
  ],
  [
    "the project's group without approval",
    { group: 'x.k8s.io' },
    () => undefined,
    'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
  ],
  [
    'a column without a path that leads anywhere',
    { version: { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '..x' }] } },
    () => undefined,
    'spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: "..x": must be fields, indexes, [*] or [?(@.field=="value")], such as .spec.items[0].name',
  ],
  [
    'a scale outside of the specification',
    {
      version: {
        subresources: { scale: { specReplicasPath: '.replicas', statusReplicasPath: '.status.replicas' } },
      },
    },
    () => undefined,
    'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec',
  ],
];

for (const [name, options, change, ...expected] of DEFINITIONS) {
  test(`validateDefinition() finds ${name}`, () => {
    assert.deepEqual(complaints(options, change as (definition: Draft) => void), expected);
  });
}

test('validateDefinition() keeps names and scope of what is established', () => {
  const before = { ...aDefinition(), status: { conditions: [{ type: 'Established', status: 'True' }] } };
  const after = aDefinition({ scope: 'Cluster', kind: 'Gadget' });
  for (const it of [before, after]) defaultCustomResourceDefinition(it as Draft);
  assert.deepEqual(
    validateDefinition(after, before).map(({ field, message }) => `${field}: ${message}`),
    [
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Gadget": field is immutable',
    ],
  );
});
