// Discovery: what this server serves, in the legacy form (per group and version) and aggregated (apidiscovery.k8s.io).

import { createHash } from 'node:crypto';
import { compareVersions } from '../objects/custom/version-order.ts';
import { apiVersionOf, type Resource, type Subresource } from '../objects/resources.ts';
import { UNSERVED_KINDS } from '../objects/unserved-kinds.ts';
import type { Kinds } from './custom/kinds.ts';
import { jsonReply, type ApiRequest, type WholeReply } from './http/request.ts';

/** What clients learn of a kind. */
type Discovered = Pick<
  Resource,
  | 'group'
  | 'version'
  | 'kind'
  | 'plural'
  | 'singular'
  | 'shortNames'
  | 'categories'
  | 'isNamespaced'
  | 'verbs'
  | 'subresources'
> &
  Partial<Pick<Resource, 'storedVersion'>>;

/** They go to their paths, where they are told why; without verbs no client lists them as something that is there. */
const UNSERVED: readonly Discovered[] = UNSERVED_KINDS.flatMap(({ versions, ...of }) =>
  versions.map((version) => ({
    ...of,
    version,
    singular: of.kind.toLowerCase(),
    categories: [],
    verbs: [],
    subresources: [],
  })),
);

interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Discovered[];
}

function groupVersions(kinds: Kinds): readonly GroupVersion[] {
  const all = new Map<string, Discovered[]>();
  for (const resource of [...kinds.all(), ...UNSERVED]) {
    const key = apiVersionOf(resource);
    const known = all.get(key);
    if (known === undefined) all.set(key, [resource]);
    else known.push(resource);
  }
  return [...all.values()].map((resources) => ({
    group: resources[0]?.group ?? '',
    version: resources[0]?.version ?? '',
    resources,
  }));
}

/** Answers a discovery path; undefined where the path is none. */
export function discoveryReply({ path, headers }: ApiRequest, kinds: Kinds): WholeReply | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const [root, first, second] = parts;
  if (root === 'api' && parts.length === 1)
    return aggregatedOr(headers.accept, versionsOfGroups(kinds, true), {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [],
    });
  if (root === 'apis' && parts.length === 1) {
    const groups = versionsOfGroups(kinds, false);
    return aggregatedOr(headers.accept, groups, groupList(groups));
  }
  if (root === 'api' && parts.length === 2) return resourceListReply(kinds, '', first ?? '');
  if (root === 'apis' && parts.length === 2) return groupReply(kinds, first ?? '');
  if (root === 'apis' && parts.length === 3) return resourceListReply(kinds, first ?? '', second ?? '');
  return undefined;
}

/** Versions of each group, the preferred one first. */
type Groups = ReadonlyMap<string, readonly GroupVersion[]>;

function groupList(groups: Groups): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups].map(groupOf) };
}

/** The core group alone, or all others. */
function versionsOfGroups(kinds: Kinds, isCore: boolean): Groups {
  const versions = groupVersions(kinds).filter(({ group }) => (group === '') === isCore);
  const sorted = versions.toSorted((a, b) =>
    a.group === b.group ? compareVersions(a.version, b.version) : 0,
  );
  return Map.groupBy(sorted, ({ group }) => group);
}

function groupOf([name, versions]: readonly [string, readonly GroupVersion[]]): object {
  const entries = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: entries, preferredVersion: entries[0] };
}

function groupReply(kinds: Kinds, name: string): WholeReply | undefined {
  const versions = versionsOfGroups(kinds, false).get(name);
  if (versions === undefined) return undefined;
  return jsonReply(200, { kind: 'APIGroup', apiVersion: 'v1', ...groupOf([name, versions]) });
}

function resourceListReply(kinds: Kinds, group: string, version: string): WholeReply | undefined {
  const found = groupVersions(kinds).find((it) => it.group === group && it.version === version);
  if (found === undefined) return undefined;
  const groupVersion = group === '' ? version : `${group}/${version}`;
  const resources = found.resources.flatMap((resource) => [
    legacyResource(resource),
    ...resource.subresources.map((sub) => legacySubresource(resource, sub)),
  ]);
  return jsonReply(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources });
}

function legacyResource(resource: Discovered): object {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.isNamespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(resource.verbs.includes('list') ? { storageVersionHash: storageHash(resource) } : {}),
  };
}

/** Names the version in which objects are kept without saying it: clients see only that it is another one (meta.v1 APIResource). */
function storageHash({ storedVersion = '', kind }: Discovered): string {
  const version = storedVersion.includes('/') ? storedVersion : `/${storedVersion}`;
  return createHash('sha256').update(`${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

function legacySubresource(resource: Discovered, sub: Subresource): object {
  const [version, group] = (sub.apiVersion ?? '').split('/').reverse();
  return {
    name: `${resource.plural}/${sub.name}`,
    singularName: '',
    namespaced: resource.isNamespaced,
    ...(sub.apiVersion === undefined ? {} : { group: group ?? '', version }),
    kind: sub.kind,
    verbs: sub.verbs,
  };
}

const AGGREGATED = /application\/json;[^,]*\bg=apidiscovery\.k8s\.io[^,]*/g;

/** The aggregated form where the client knows one of its versions: kubectl 1.27 to 1.29 v2beta1, newer ones v2. */
function aggregatedOr(accept: string | undefined, groups: Groups, legacy: object): WholeReply {
  for (const [part] of (accept ?? '').matchAll(AGGREGATED)) {
    const version = /\bv=(v2beta1|v2)\b/.exec(part)?.[1];
    if (version === undefined || !part.includes('as=APIGroupDiscoveryList')) continue;
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    return { kind: 'whole', code: 200, contentType, body: JSON.stringify(aggregated(version, groups)) };
  }
  return jsonReply(200, legacy);
}

function aggregated(version: string, groups: Groups): object {
  const items = [...groups].map(([group, versions]) => ({
    metadata: group === '' ? {} : { name: group },
    versions: versions.map((it) => ({
      version: it.version,
      freshness: 'Current',
      resources: it.resources.map(aggregatedResource),
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
}

function aggregatedResource(resource: Discovered): object {
  const { group, version, kind } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(resource.subresources.length === 0
      ? {}
      : { subresources: resource.subresources.map((sub) => aggregatedSubresource(resource, sub)) }),
  };
}

function aggregatedSubresource(resource: Discovered, sub: Subresource): object {
  const [version = resource.version, group = ''] = (sub.apiVersion ?? apiVersionOf(resource))
    .split('/')
    .reverse();
  return { subresource: sub.name, responseKind: { group, version, kind: sub.kind }, verbs: sub.verbs };
}
