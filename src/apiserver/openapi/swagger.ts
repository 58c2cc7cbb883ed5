// OpenAPI v2 made from the v3 documents, as JSON and as the protobuf that kubectl asks for (github.com/google/gnostic, openapiv2/OpenAPIv2.proto).

import { isObject, listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import { encodeMessage } from '../../wire/kubernetes-protobuf-writer.ts';

type JsonMap = Readonly<Draft>;

/** What of a schema OpenAPI v2 has, beside references and what lies below. */
const PLAIN = ['type', 'format', 'description', 'required', 'enum', 'default'];
const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** One v2 document of all v3 documents. */
export function swaggerOf(documents: readonly JsonMap[]): JsonMap {
  const paths: Draft = {};
  const definitions: Draft = {};
  for (const document of documents) {
    for (const [path, item] of Object.entries(objectOf(document['paths'])))
      paths[path] = pathItem(objectOf(item));
    const { schemas } = objectOf(document['components']);
    for (const [name, schema] of Object.entries(objectOf(schemas)))
      definitions[name] ??= schemaOf(objectOf(schema));
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1' }, paths, definitions };
}

function pathItem(item: JsonMap): JsonMap {
  const operations = METHODS.filter((method) => isObject(item[method]));
  return Object.fromEntries(operations.map((method) => [method, operationOf(objectOf(item[method]))]));
}

function operationOf(operation: JsonMap): JsonMap {
  const parameters = listOf(operation['parameters']).map((it) => {
    const { name, in: place } = objectOf(it);
    return { name, in: place, type: 'string' };
  });
  return { ...extensionsOf(operation), parameters, responses: { '200': { description: 'OK' } } };
}

function extensionsOf(value: JsonMap): Draft {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key.startsWith('x-')));
}

function schemaOf(schema: JsonMap): JsonMap {
  const reference = textOf(schema['$ref']) ?? textOf(objectOf(listOf(schema['allOf'])[0])['$ref']);
  const description = textOf(schema['description']);
  if (reference !== undefined) {
    const $ref = reference.replace('#/components/schemas/', '#/definitions/');
    return { $ref, ...(description === undefined ? {} : { description }) };
  }
  const out: Draft = extensionsOf(schema);
  for (const key of PLAIN) if (schema[key] !== undefined) out[key] = schema[key];
  // Whatever else may be there: a text is what clients let both pass for.
  if (schema['x-kubernetes-int-or-string'] === true)
    Object.assign(out, { type: 'string', format: 'int-or-string' });
  if (isObject(schema['items'])) out['items'] = schemaOf(schema['items']);
  if (isObject(schema['additionalProperties']))
    out['additionalProperties'] = schemaOf(schema['additionalProperties']);
  if (isObject(schema['properties']))
    out['properties'] = Object.fromEntries(
      Object.entries(schema['properties']).map(([name, inner]) => [name, schemaOf(objectOf(inner))]),
    );
  return out;
}

/** The document as message openapi.v2.Document. */
export function swaggerBytes(swagger: JsonMap): Buffer {
  return encodeMessage('openapi.Document', {
    swagger: swagger['swagger'],
    info: swagger['info'],
    paths: { path: named(swagger['paths'], pathForm) },
    definitions: { additionalProperties: named(swagger['definitions'], schemaForm) },
  });
}

function named(map: unknown, form: (value: JsonMap) => JsonMap): readonly JsonMap[] {
  return Object.entries(objectOf(map)).map(([name, value]) => ({ name, value: form(objectOf(value)) }));
}

function pathForm(item: JsonMap): JsonMap {
  return Object.fromEntries(
    Object.entries(item).map(([method, it]) => [method, operationForm(objectOf(it))]),
  );
}

function operationForm(operation: JsonMap): JsonMap {
  const parameters = listOf(operation['parameters']).map((it) => ({
    parameter: { nonBodyParameter: { queryParameterSubSchema: it } },
  }));
  const responseCode = named(operation['responses'], (response) => ({ response }));
  return { parameters, responses: { responseCode }, vendorExtension: extensionForms(operation) };
}

/** Values of any type stand as their YAML, which JSON is. */
function extensionForms(value: JsonMap): readonly JsonMap[] {
  return Object.entries(extensionsOf(value)).map(([name, it]) => ({ name, value: anyForm(it) }));
}

function anyForm(value: unknown): JsonMap {
  return { yaml: JSON.stringify(value) };
}

function schemaForm(schema: JsonMap): JsonMap {
  const { $ref, type, items, properties, additionalProperties, enum: values, default: otherwise } = schema;
  return {
    ...($ref === undefined ? {} : { ref: $ref }),
    format: schema['format'],
    description: schema['description'],
    required: schema['required'],
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(isObject(items) ? { items: { schema: [schemaForm(items)] } } : {}),
    ...(isObject(properties) ? { properties: { additionalProperties: named(properties, schemaForm) } } : {}),
    ...(isObject(additionalProperties)
      ? { additionalProperties: { schema: schemaForm(additionalProperties) } }
      : {}),
    ...(values === undefined ? {} : { enum: listOf(values).map(anyForm) }),
    ...(otherwise === undefined ? {} : { default: anyForm(otherwise) }),
    vendorExtension: extensionForms(schema),
  };
}
