// OpenAPI: an empty v2 document in protobuf (kubectl to 1.26 then validates nothing itself), and v3 documents made from the wire tables.

import { createHash } from 'node:crypto';
import { apiVersionOf, type Resource } from '../objects/resources.ts';
import {
  messageSchema,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from '../wire/kubernetes-protobuf-schema.ts';
import { customName, customSchema } from './custom/custom-openapi.ts';
import type { Kinds } from './custom/kinds.ts';
import { jsonReply, type ApiRequest, type WholeReply } from './request.ts';

/** With dots: Go's parser of media types refuses the "@" that the client itself asks with. */
const V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Answers /openapi paths; undefined where the path is none. */
export function openApiReply({ path, headers }: ApiRequest, kinds: Kinds): WholeReply | undefined {
  if (path === '/openapi/v2') {
    if (!(headers.accept ?? '').includes('protobuf')) {
      return jsonReply(200, {
        swagger: '2.0',
        info: { title: 'Fairlead', version: 'v1' },
        paths: {},
        definitions: {},
      });
    }
    return { kind: 'whole', code: 200, contentType: V2_TYPE, body: '' };
  }
  if (path === '/openapi/v3')
    return jsonReply(200, { paths: Object.fromEntries([...groupPaths(kinds)].map(indexEntry)) });
  if (!path.startsWith('/openapi/v3/')) return undefined;
  const resources = groupPaths(kinds).get(path.slice('/openapi/v3/'.length));
  return resources === undefined ? undefined : jsonReply(200, documentOf(resources));
}

/** "api/v1", "apis/apps/v1" -> its resources. */
function groupPaths(kinds: Kinds): ReadonlyMap<string, readonly Resource[]> {
  const all = new Map<string, Resource[]>();
  for (const resource of kinds.all()) {
    const key = resource.group === '' ? `api/${resource.version}` : `apis/${apiVersionOf(resource)}`;
    all.set(key, [...(all.get(key) ?? []), resource]);
  }
  return all;
}

function indexEntry([path, resources]: readonly [string, readonly Resource[]]): readonly [string, object] {
  const names = resources.map(({ message, custom }) => `${message} ${custom?.edition ?? ''}`).join();
  const hash = createHash('sha256').update(names).digest('hex').slice(0, 32).toUpperCase();
  return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
}

const PACKAGES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta.v1',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  fairlead: 'dev.fairlead.v1alpha1',
  gateway: 'io.k8s.networking.gateway.v1',
};

const METADATA = 'meta.ObjectMeta';
const METADATA_REFERENCE = { $ref: `#/components/schemas/${componentName(METADATA)}` };

function documentOf(resources: readonly Resource[]): object {
  const schemas = new Map<string, object>();
  for (const resource of resources) {
    if (resource.custom !== undefined) {
      addMessage(schemas, METADATA);
      schemas.set(schemaNameOf(resource), customSchema(resource, resource.custom, METADATA_REFERENCE));
    } else addMessage(schemas, resource.message, resource);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Fairlead', version: 'v1' },
    paths: Object.fromEntries(resources.map((resource) => [objectPath(resource), operationsOf(resource)])),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function objectPath(resource: Resource): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const name = resource.verbs.length === 1 ? '' : '/{name}';
  return `${root}${resource.isNamespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}${name}`;
}

function operationsOf(resource: Resource): object {
  const { group, version, kind } = resource;
  const common = { 'x-kubernetes-group-version-kind': { group, version, kind } };
  const validation = { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } };
  const dryRun = { name: 'dryRun', in: 'query', schema: { type: 'string', uniqueItems: true } };
  const reference = { schema: { $ref: `#/components/schemas/${schemaNameOf(resource)}` } };
  const responses = { '200': { description: 'OK', content: { 'application/json': reference } } };
  if (resource.verbs.length === 1) {
    const requestBody = { content: { '*/*': reference } };
    return {
      post: {
        ...common,
        'x-kubernetes-action': 'post',
        parameters: [dryRun, validation],
        requestBody,
        responses,
      },
    };
  }
  const patchTypes = [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    // kubectl sends it wherever it is offered.
    ...(resource.custom === undefined ? ['application/strategic-merge-patch+json'] : []),
  ];
  const content = Object.fromEntries(patchTypes.map((type) => [type, { schema: { type: 'object' } }]));
  const change = { ...common, parameters: [dryRun, validation], responses };
  return {
    get: { ...common, 'x-kubernetes-action': 'get', responses },
    put: { ...change, 'x-kubernetes-action': 'put', requestBody: { content: { '*/*': reference } } },
    patch: { ...change, 'x-kubernetes-action': 'patch', requestBody: { content } },
    delete: { ...common, 'x-kubernetes-action': 'delete', parameters: [dryRun], responses },
  };
}

/** "core.Pod" -> "io.k8s.api.core.v1.Pod". */
function componentName(message: string): string {
  const [group = '', name = ''] = message.split('.');
  return `${PACKAGES[group] ?? `io.k8s.api.${group}.v1`}.${name}`;
}

function schemaNameOf(resource: Resource): string {
  return resource.custom === undefined ? componentName(resource.message) : customName(resource);
}

function addMessage(schemas: Map<string, object>, message: string, kind?: Resource): void {
  const schema = messageSchema(message);
  if (schema !== undefined) addSchema(schemas, schema, kind);
}

function addSchema(schemas: Map<string, object>, schema: MessageSchema, kind?: Resource): void {
  const name = componentName(schema.name);
  if (schemas.has(name)) return;
  const properties: Record<string, object> = {};
  const top =
    kind === undefined
      ? {}
      : {
          'x-kubernetes-group-version-kind': [{ group: kind.group, version: kind.version, kind: kind.kind }],
        };
  if (kind !== undefined) {
    properties['apiVersion'] = { type: 'string' };
    properties['kind'] = { type: 'string' };
  }
  schemas.set(name, { type: 'object', properties, ...top });
  for (const field of schema.byName.values()) {
    properties[field.name] = fieldSchema(field);
    if (field.type.kind !== 'message') continue;
    addMessage(schemas, field.type.message);
  }
}

function fieldSchema(field: MessageField): object {
  const inner = typeSchema(field.type);
  if (field.shape === 'map') return { type: 'object', additionalProperties: inner };
  const strategy = field.retainsKeys ? 'merge,retainKeys' : 'merge';
  const merge =
    field.mergeKey === undefined
      ? {}
      : { 'x-kubernetes-patch-strategy': strategy, ...mergeKeys(field.mergeKey) };
  if (field.shape === 'list') return { type: 'array', items: inner, ...merge };
  // A reference may carry nothing beside it: the reader would not see it.
  return '$ref' in inner ? { allOf: [inner] } : inner;
}

function mergeKeys(key: string): object {
  return key === '' ? {} : { 'x-kubernetes-patch-merge-key': key };
}

function typeSchema(type: FieldType): object {
  switch (type.kind) {
    case 'string':
    case 'quantity':
      return { type: 'string' };
    case 'bytes':
      return { type: 'string', format: 'byte' };
    case 'time':
    case 'microtime':
      return { type: 'string', format: 'date-time' };
    case 'integer':
      return { type: 'integer' };
    case 'double':
      return { type: 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'intorstring':
      return { 'x-kubernetes-int-or-string': true };
    case 'raw':
    case 'schemaorbool':
    case 'fields':
      return { type: 'object' };
    case 'message':
      return { $ref: `#/components/schemas/${componentName(type.message)}` };
  }
}
