// Kubernetes objects that say who may speak to whom, as the API writes them. `null` stands for absent: what people write by hand has it.

import type { Ip } from '../base/ip.ts';
import type { RawNode, RawPod } from './raw-objects.ts';

export type RawLabels = Readonly<Record<string, string>>;

/** core/v1 Namespace. */
export interface RawNamespace {
  readonly metadata: { readonly name: string; readonly labels?: RawLabels | null };
}

/** meta/v1 LabelSelector. */
export interface RawLabelSelector {
  readonly matchLabels?: RawLabels | null;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[] | null;
      }[]
    | null;
}

/** networking.k8s.io/v1 NetworkPolicy; may come without the defaults of the API server. */
export interface RawNetworkPolicy {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec?: {
    readonly podSelector?: RawLabelSelector | null;
    readonly policyTypes?: readonly string[] | null;
    readonly ingress?: readonly RawNetworkPolicyRule[] | null;
    readonly egress?: readonly RawNetworkPolicyRule[] | null;
  } | null;
}

/** `from` stands in rules of ingress, `to` in those of egress. */
export interface RawNetworkPolicyRule {
  readonly from?: readonly RawNetworkPolicyPeer[] | null;
  readonly to?: readonly RawNetworkPolicyPeer[] | null;
  readonly ports?: readonly RawNetworkPolicyPort[] | null;
}

export interface RawNetworkPolicyPeer {
  readonly podSelector?: RawLabelSelector | null;
  readonly namespaceSelector?: RawLabelSelector | null;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] | null } | null;
}

export interface RawNetworkPolicyPort {
  readonly protocol?: string | null;
  readonly port?: number | string | null;
  readonly endPort?: number | null;
}

/** policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy. */
export interface RawClusterNetworkPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly tier: string;
    readonly priority: number;
    readonly subject: {
      readonly namespaces?: RawLabelSelector | null;
      readonly pods?: RawNamespacedPod | null;
    };
    readonly ingress?: readonly RawClusterRule[] | null;
    readonly egress?: readonly RawClusterRule[] | null;
  };
}

/** `from` stands in rules of ingress, `to` in those of egress. */
export interface RawClusterRule {
  readonly name?: string | null;
  readonly action: string;
  readonly from?: readonly RawClusterPeer[] | null;
  readonly to?: readonly RawClusterPeer[] | null;
  readonly protocols?: readonly RawClusterProtocol[] | null;
}

export interface RawNamespacedPod {
  readonly namespaceSelector?: RawLabelSelector | null;
  readonly podSelector?: RawLabelSelector | null;
}

export interface RawClusterPeer {
  readonly namespaces?: RawLabelSelector | null;
  readonly pods?: RawNamespacedPod | null;
  readonly nodes?: RawLabelSelector | null;
  readonly networks?: readonly string[] | null;
  readonly domainNames?: readonly string[] | null;
}

export interface RawClusterProtocol {
  readonly tcp?: RawDestination | null;
  readonly udp?: RawDestination | null;
  readonly sctp?: RawDestination | null;
  readonly destinationNamedPort?: string | null;
}

export interface RawDestination {
  readonly destinationPort?: {
    readonly number?: number | null;
    readonly range?: { readonly start: number; readonly end: number } | null;
  } | null;
}

/** Everything that decides who may speak to whom. */
export interface RawPolicyObjects {
  readonly namespaces: readonly RawNamespace[];
  readonly pods: readonly RawPod[];
  readonly nodes: readonly RawNode[];
  readonly networkPolicies: readonly RawNetworkPolicy[];
  readonly clusterNetworkPolicies?: readonly RawClusterNetworkPolicy[];
  /** What names of `domainNames` were answered with lately: lower case, no dot at the end. */
  readonly learnedNames?: ReadonlyMap<string, readonly Ip[]>;
}
