// Pools of addresses for Services of type LoadBalancer: fairlead.dev/v1alpha1 LoadBalancerPool, as served and as understood.

import { parseIpRange, type IpRange } from '../base/ip-range.ts';
import type { LabelSelector, KubeObject, ObjectMeta } from './meta.ts';

export interface LoadBalancerPool extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec: {
    /** Prefixes ("192.0.2.0/24") and ranges ("192.0.2.10-192.0.2.20") of either family. */
    readonly cidrs: readonly string[];
    /** False keeps the pool for those who ask for an address of it by name; true by default. */
    readonly autoAssign?: boolean;
    /** Whose Services may use it; absent for everybody's. */
    readonly namespaceSelector?: LabelSelector;
    readonly serviceSelector?: LabelSelector;
  };
  readonly status?: {
    readonly used?: number;
    /** As text: of IPv6 there are more than a number holds. */
    readonly free?: string;
    /** Pools that hold some of the same addresses. */
    readonly overlaps?: readonly string[];
  };
}

/** Of a pool that the server's validation has let in. */
export function rangesOfPool(pool: LoadBalancerPool): readonly IpRange[] {
  return pool.spec.cidrs.map(parseIpRange);
}
