// The shape of random policies; whom they name, and which ports, is the caller's to choose, so that it meets his pods.

import fc from 'fast-check';

type Part = fc.Arbitrary<unknown>;

interface PolicyParts {
  readonly selector: Part;
  readonly peer: Part;
  readonly port: Part;
}

/** The `spec` of a NetworkPolicy. */
export function somePolicySpec({ selector, peer, port }: PolicyParts): fc.Arbitrary<object> {
  const rules = (side: 'from' | 'to'): Part =>
    fc.array(
      fc.record(
        { [side]: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) },
        { requiredKeys: [] },
      ),
      { maxLength: 2 },
    );
  return fc.record(
    {
      podSelector: selector,
      policyTypes: fc.subarray(['Ingress', 'Egress']),
      ingress: rules('from'),
      egress: rules('to'),
    },
    { requiredKeys: ['podSelector'] },
  );
}

interface ClusterPolicyParts {
  readonly subject: Part;
  readonly from: Part;
  readonly to: Part;
  readonly protocol: Part;
}

/** The `spec` of a ClusterNetworkPolicy; few priorities, so that some are equal. */
export function someClusterPolicySpec({
  subject,
  from,
  to,
  protocol,
}: ClusterPolicyParts): fc.Arbitrary<object> {
  const rules = (side: 'from' | 'to', peer: Part): Part =>
    fc.array(
      fc.record(
        {
          action: fc.constantFrom('Accept', 'Deny', 'Pass'),
          [side]: fc.array(peer, { minLength: 1, maxLength: 2 }),
          protocols: fc.array(protocol, { minLength: 1, maxLength: 2 }),
        },
        { requiredKeys: ['action', side] },
      ),
      { maxLength: 2 },
    );
  return fc.record({
    tier: fc.constantFrom('Admin', 'Baseline'),
    priority: fc.integer({ min: 0, max: 2 }),
    subject,
    ingress: rules('from', from),
    egress: rules('to', to),
  });
}
