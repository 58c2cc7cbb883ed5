// A structural schema (openAPIV3Schema) as it is worked with: absent parts have their defaults, patterns are compiled.
// What a schema may be is structural.ts's affair: this one reads whatever passed there, and never throws.

import { getOwn, isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { lazyPattern, type Pattern } from './pattern.ts';

/** A rule in CEL as it stands in the schema (x-kubernetes-validations). */
export interface SchemaRule {
  readonly rule: string;
  readonly message: string | undefined;
  readonly messageExpression: string | undefined;
  readonly reason: string | undefined;
  readonly fieldPath: string | undefined;
  readonly hasOptionalOldSelf: boolean;
}

export interface Bounds {
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly isAbove: boolean;
  readonly isBelow: boolean;
  readonly multipleOf: number | undefined;
}

export interface Schema {
  /** '' where nothing is said. */
  readonly type: string;
  readonly isNullable: boolean;
  readonly isIntOrString: boolean;
  readonly preservesUnknown: boolean;
  /** A whole object with apiVersion, kind and metadata. */
  readonly isEmbedded: boolean;
  readonly properties: ReadonlyMap<string, Schema>;
  /** Of values under names that `properties` lacks; undefined where those are unknown fields. */
  readonly additional: Schema | undefined;
  readonly items: Schema | undefined;
  readonly required: readonly string[];
  /** Undefined where there is none; null is a value. */
  readonly defaultValue: unknown;
  readonly enumeration: readonly unknown[] | undefined;
  readonly format: string | undefined;
  readonly pattern: Pattern | undefined;
  readonly bounds: Bounds;
  readonly lengths: Sizes;
  readonly itemCount: Sizes;
  readonly propertyCount: Sizes;
  readonly listType: string;
  readonly listMapKeys: readonly string[];
  /** Whoever changes a part of the object changes all of it (x-kubernetes-map-type). */
  readonly isAtomicMap: boolean;
  readonly allOf: readonly Schema[];
  readonly anyOf: readonly Schema[];
  readonly oneOf: readonly Schema[];
  readonly not: Schema | undefined;
  readonly rules: readonly SchemaRule[];
}

export interface Sizes {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** The schema of a JSON that structural.ts accepted. */
export function parseSchema(value: unknown): Schema {
  const raw = objectOf(value);
  const properties = Object.entries(objectOf(raw['properties'])).map(
    ([name, schema]) => [name, parseSchema(schema)] as const,
  );
  return {
    type: textOf(raw['type']) ?? '',
    isNullable: raw['nullable'] === true,
    isIntOrString: raw['x-kubernetes-int-or-string'] === true,
    preservesUnknown: raw['x-kubernetes-preserve-unknown-fields'] === true,
    isEmbedded: raw['x-kubernetes-embedded-resource'] === true,
    properties: new Map(properties),
    additional: additionalOf(raw['additionalProperties']),
    items: isObject(raw['items']) ? parseSchema(raw['items']) : undefined,
    required: listOf(raw['required']).map(String),
    defaultValue: getOwn(raw, 'default'),
    enumeration: Array.isArray(raw['enum']) ? raw['enum'] : undefined,
    ...scalarPartsOf(raw),
    listType: textOf(raw['x-kubernetes-list-type']) ?? 'atomic',
    listMapKeys: listOf(raw['x-kubernetes-list-map-keys']).map(String),
    isAtomicMap: raw['x-kubernetes-map-type'] === 'atomic',
    ...junctorsOf(raw),
    rules: listOf(raw['x-kubernetes-validations']).map((rule) => ruleOf(objectOf(rule))),
  };
}

/** True where patterns or rules are asked of values: their authors decide how long that takes. */
export function hasAuthorsCode({ pattern, rules, properties, ...schema }: Schema): boolean {
  const inner = [...properties.values(), schema.additional, schema.items, schema.not];
  const all = [...inner, ...schema.allOf, ...schema.anyOf, ...schema.oneOf];
  return (
    pattern !== undefined || rules.length > 0 || all.some((it) => it !== undefined && hasAuthorsCode(it))
  );
}

/** `true` stands for any value whatsoever. */
function additionalOf(value: unknown): Schema | undefined {
  if (value === true) return parseSchema({ 'x-kubernetes-preserve-unknown-fields': true, nullable: true });
  return isObject(value) ? parseSchema(value) : undefined;
}

function scalarPartsOf(
  raw: Readonly<Draft>,
): Pick<Schema, 'format' | 'pattern' | 'bounds' | 'lengths' | 'itemCount' | 'propertyCount'> {
  const pattern = textOf(raw['pattern']);
  return {
    format: textOf(raw['format']),
    pattern: pattern === undefined ? undefined : lazyPattern(pattern),
    bounds: {
      minimum: numberOf(raw['minimum']),
      maximum: numberOf(raw['maximum']),
      isAbove: raw['exclusiveMinimum'] === true,
      isBelow: raw['exclusiveMaximum'] === true,
      multipleOf: numberOf(raw['multipleOf']),
    },
    lengths: sizesOf(raw, 'Length'),
    itemCount: sizesOf(raw, 'Items'),
    propertyCount: sizesOf(raw, 'Properties'),
  };
}

function sizesOf(raw: Readonly<Draft>, what: string): Sizes {
  return { min: numberOf(raw[`min${what}`]), max: numberOf(raw[`max${what}`]) };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function junctorsOf(raw: Readonly<Draft>): Pick<Schema, 'allOf' | 'anyOf' | 'oneOf' | 'not'> {
  return {
    allOf: listOf(raw['allOf']).map(parseSchema),
    anyOf: listOf(raw['anyOf']).map(parseSchema),
    oneOf: listOf(raw['oneOf']).map(parseSchema),
    not: isObject(raw['not']) ? parseSchema(raw['not']) : undefined,
  };
}

function ruleOf(raw: Readonly<Draft>): SchemaRule {
  return {
    rule: textOf(raw['rule']) ?? '',
    message: textOf(raw['message']),
    messageExpression: textOf(raw['messageExpression']),
    reason: textOf(raw['reason']),
    fieldPath: textOf(raw['fieldPath']),
    hasOptionalOldSelf: raw['optionalOldSelf'] === true,
  };
}
