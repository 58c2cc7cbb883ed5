// OpenAPI v3: one document for each group and version, made from the wire tables, the schemas of custom kinds and what the published types say.

import { createHash } from 'node:crypto';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import {
  messageSchema,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from '../../wire/kubernetes-protobuf-schema.ts';
import { customName, customSchema } from '../custom/custom-openapi.ts';
import type { Kinds } from '../custom/kinds.ts';
import { descriptionsOf } from './descriptions.ts';

type Document = Readonly<Record<string, unknown>>;

/** Of each server: documents by their path, made when they are asked for and kept while their kinds stay the same. */
const MADE = new WeakMap<Kinds, Map<string, MadeDocument>>();

interface MadeDocument {
  readonly edition: string;
  readonly document: Promise<Document>;
}

/** The document of "api/v1" or "apis/apps/v1"; undefined where nothing is served there. */
export function documentAt(kinds: Kinds, path: string): Promise<Document> | undefined {
  const resources = groupPaths(kinds).get(path);
  return resources === undefined ? undefined : kept(kinds, path, resources);
}

/** Every document. */
export function allDocuments(kinds: Kinds): Promise<readonly Document[]> {
  return Promise.all([...groupPaths(kinds)].map(([path, resources]) => kept(kinds, path, resources)));
}

/** Tells these kinds from others. */
export function editionOf(kinds: Kinds): string {
  return [...groupPaths(kinds)].map(([path, resources]) => `${path} ${hashOf(resources)}`).join('\n');
}

export function documentIndex(kinds: Kinds): object {
  return { paths: Object.fromEntries([...groupPaths(kinds)].map(indexEntry)) };
}

function kept(kinds: Kinds, path: string, resources: readonly Resource[]): Promise<Document> {
  const made = MADE.get(kinds) ?? new Map<string, MadeDocument>();
  MADE.set(kinds, made);
  const edition = hashOf(resources);
  const known = made.get(path);
  if (known?.edition === edition) return known.document;
  const document = documentOf(resources);
  made.set(path, { edition, document });
  return document;
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
  return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(resources)}` }];
}

function hashOf(resources: readonly Resource[]): string {
  const names = resources.map(({ message, custom }) => `${message} ${custom?.edition ?? ''}`).join();
  return createHash('sha256').update(names).digest('hex').slice(0, 32).toUpperCase();
}

const PACKAGES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta.v1',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  fairlead: 'dev.fairlead.v1alpha1',
  gateway: 'io.k8s.networking.gateway.v1',
};

const METADATA = 'meta.ObjectMeta';
const METADATA_REFERENCE = { $ref: `#/components/schemas/${componentName(METADATA)}` };

async function documentOf(resources: readonly Resource[]): Promise<Document> {
  const schemas = new Map<string, object>();
  for (const resource of resources) {
    if (resource.custom !== undefined) {
      await addMessage(schemas, METADATA);
      schemas.set(schemaNameOf(resource), customSchema(resource, resource.custom, METADATA_REFERENCE));
    } else await addMessage(schemas, resource.message, resource);
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

async function addMessage(schemas: Map<string, object>, message: string, kind?: Resource): Promise<void> {
  const schema = messageSchema(message);
  if (schema !== undefined) await addSchema(schemas, schema, kind);
}

async function addSchema(
  schemas: Map<string, object>,
  schema: MessageSchema,
  kind?: Resource,
): Promise<void> {
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
    properties['apiVersion'] = { type: 'string', description: API_VERSION };
    properties['kind'] = { type: 'string', description: KIND };
  }
  const self: Record<string, unknown> = { type: 'object', properties, ...top };
  // Before anything is waited for: messages may hold each other.
  schemas.set(name, self);
  const said = await descriptionsOf(schema.name);
  if (said !== undefined && said.self !== '') self['description'] = said.self;
  for (const field of schema.byName.values()) {
    const description = said?.fields.get(field.name);
    properties[field.name] = { ...fieldSchema(field), ...(description === undefined ? {} : { description }) };
    if (field.type.kind === 'message') await addMessage(schemas, field.type.message);
  }
}

const API_VERSION = 'Group and version of the object: "apps/v1", of the core group the version alone.';
const KIND = 'What the object is: "Deployment".';

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
    case 'schemaor':
      return {};
    case 'fields':
      return { type: 'object' };
    case 'message':
      return { $ref: `#/components/schemas/${componentName(type.message)}` };
  }
}
