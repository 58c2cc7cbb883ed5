// Fields of Fairlead's own kinds, in the notation of kubernetes-protobuf-schema.ts. They are sent as JSON alone: the numbers are formal.

export const FAIRLEAD_FIELDS = `
Identity: metadata=1 meta.ObjectMeta, spec=2 IdentitySpec
IdentitySpec: namespace=1 s, labels=2 {}s
LoadBalancerPool: metadata=1 meta.ObjectMeta, spec=2 LoadBalancerPoolSpec, status=3 LoadBalancerPoolStatus
LoadBalancerPoolSpec: cidrs=1 []s, autoAssign=2 b?, namespaceSelector=3 meta.LabelSelector,
   serviceSelector=4 meta.LabelSelector
LoadBalancerPoolStatus: used=1 i?, free=2 s, overlaps=3 []s
`;
