// The kinds that an agent watches: one line each says what is asked of the API and how an object is kept.

import { parseEndpointSlice, type EndpointSlice } from '../objects/endpoint-slice.ts';
import { CLUSTER_SETTINGS, parseClusterSettings, type ClusterSettings } from '../objects/cluster-settings.ts';
import { COREFILE, parseCorefileMap, type Corefile } from '../objects/corefile.ts';
import { parseClusterNetworkPolicy, type ClusterNetworkPolicy } from '../objects/cluster-network-policy.ts';
import { parseIdentity, type Identity } from '../objects/identity.ts';
import { parseNamespace, type Namespace } from '../objects/namespace.ts';
import { closedPolicy, parseNetworkPolicy, type NetworkPolicy } from '../objects/network-policy.ts';
import { parseNode, type Node } from '../objects/node.ts';
import { parsePod, type Pod } from '../objects/pod.ts';
import { parseService, type Service } from '../objects/service.ts';
import type { Selection } from '../kube/kube-client.ts';
import {
  CLUSTER_NETWORK_POLICIES,
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  IDENTITIES,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  PODS,
  SERVICES,
  type ResourceRef,
} from '../kube/resource.ts';
import { isSameObject } from '../store/same-object.ts';
import type { StoreKind } from '../store/table.ts';

export const NODE_KIND: StoreKind<Node> = { name: 'Node', isEqual: isSameObject };
export const POD_KIND: StoreKind<Pod> = { name: 'Pod', isEqual: isSameObject };
export const SERVICE_KIND: StoreKind<Service> = { name: 'Service', isEqual: isSameObject };
export const ENDPOINT_SLICE_KIND: StoreKind<EndpointSlice> = { name: 'EndpointSlice', isEqual: isSameObject };
export const NAMESPACE_KIND: StoreKind<Namespace> = { name: 'Namespace', isEqual: isSameObject };
export const NETWORK_POLICY_KIND: StoreKind<NetworkPolicy> = {
  name: 'NetworkPolicy',
  isEqual: isSameObject,
};
export const CLUSTER_NETWORK_POLICY_KIND: StoreKind<ClusterNetworkPolicy> = {
  name: 'ClusterNetworkPolicy',
  isEqual: isSameObject,
};
export const IDENTITY_KIND: StoreKind<Identity> = { name: 'Identity', isEqual: isSameObject };
export const SETTINGS_KIND: StoreKind<ClusterSettings> = { name: 'ConfigMap', isEqual: isSameObject };
export const COREFILE_KIND: StoreKind<Corefile> = { name: 'Corefile', isEqual: isSameObject };

/** How one kind comes in; `parse` throws `invalid` for an object that cannot be used. */
export interface WatchedKind {
  readonly kind: StoreKind<unknown>;
  readonly resource: ResourceRef;
  readonly selection: Selection;
  readonly parse: (raw: unknown) => unknown;
  /** What stands for an object that `parse` refuses; default nothing. */
  readonly whenRefused?: (raw: unknown) => unknown;
}

/** Pods of all nodes: policies are about who is behind an address. */
export function watchedKinds(): readonly WatchedKind[] {
  return [
    watched(NODE_KIND, NODES, parseNode),
    watched(SERVICE_KIND, SERVICES, parseService),
    watched(ENDPOINT_SLICE_KIND, ENDPOINT_SLICES, parseEndpointSlice),
    watchedOne(watched(SETTINGS_KIND, CONFIG_MAPS, parseClusterSettings), CLUSTER_SETTINGS),
    watchedOne(watched(COREFILE_KIND, CONFIG_MAPS, parseCorefileMap), COREFILE),
    watched(NAMESPACE_KIND, NAMESPACES, parseNamespace),
    { ...watched(NETWORK_POLICY_KIND, NETWORK_POLICIES, parseNetworkPolicy), whenRefused: closedPolicy },
    watched(CLUSTER_NETWORK_POLICY_KIND, CLUSTER_NETWORK_POLICIES, parseClusterNetworkPolicy),
    watched(IDENTITY_KIND, IDENTITIES, parseIdentity),
    watched(POD_KIND, PODS, parsePod),
  ];
}

function watched<T>(kind: StoreKind<T>, resource: ResourceRef, parse: (raw: unknown) => T): WatchedKind {
  // The table of a kind only ever gets what the kind's own parser made.
  return { kind: kind as StoreKind<unknown>, resource, selection: {}, parse };
}

/** One object of the kind, by its name. */
function watchedOne(
  kind: WatchedKind,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): WatchedKind {
  return { ...kind, selection: { namespace, fieldSelector: `metadata.name=${name}` } };
}
