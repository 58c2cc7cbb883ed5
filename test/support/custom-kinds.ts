// Definitions of custom kinds as tests write them.

import type { Loose } from './api-server.ts';

export const DEFINITIONS_URL = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface KindOptions {
  readonly plural?: string;
  readonly kind?: string;
  readonly group?: string;
  readonly scope?: 'Namespaced' | 'Cluster';
  /** More names: short ones, categories. */
  readonly names?: Loose;
  /** Of `spec` in the schema of the one version. */
  readonly spec?: Loose;
  /** More of the one version: subresources, columns. */
  readonly version?: Loose;
  /** Instead of the one version. */
  readonly versions?: readonly Loose[];
}

/** Widgets of example.com/v1, or what the options make of them. */
export function aDefinition({
  plural = 'widgets',
  kind = 'Widget',
  group = 'example.com',
  scope = 'Namespaced',
  names = {},
  spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  version = {},
  versions = [aVersion(spec, version)],
}: KindOptions = {}): Loose {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope, names: { plural, kind, ...names }, versions },
  };
}

/** A version whose objects have a specification and a status. */
export function aVersion(spec: Loose, more: Loose = {}): Loose {
  const status = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
    ...more,
  };
}
