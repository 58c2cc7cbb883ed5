// Defaults of our LoadBalancerPools.

interface PoolDraft {
  spec?: { autoAssign?: boolean };
}

export function defaultLoadBalancerPool(pool: PoolDraft): void {
  pool.spec ??= {};
  pool.spec.autoAssign ??= true;
}
