// The input of the policy part of compile: the slim objects that decide who may speak to whom.

import type { ClusterNetworkPolicy } from '../../objects/cluster-network-policy.ts';
import type { Identity } from '../../objects/identity.ts';
import type { Namespace } from '../../objects/namespace.ts';
import type { NetworkPolicy } from '../../objects/network-policy.ts';
import type { Node } from '../../objects/node.ts';
import type { Pod } from '../../objects/pod.ts';
import type { Service } from '../../objects/service.ts';
import type { LearnedNames } from './addresses.ts';

/** Of the whole cluster, by key ("namespace/name", or "name"). Objects are never changed in place. */
export interface PolicyObjects {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly networkPolicies: ReadonlyMap<string, NetworkPolicy>;
  readonly clusterNetworkPolicies: ReadonlyMap<string, ClusterNetworkPolicy>;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly services: ReadonlyMap<string, Service>;
  /** What the node has learned; no object of the API. */
  readonly learned: LearnedNames;
}
