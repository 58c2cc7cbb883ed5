// What becomes of the connections of a check by the policies of the cluster: whether an answer is to come. Pure.

import { familyOf, parseIp, type Family, type Ip } from '../../base/ip.ts';
import { parsePort, type Protocol } from '../../base/port.ts';
import { judge, type PolicyConnection } from '../../oracle/policy.ts';
import type { RawPolicyObjects } from '../../oracle/raw-policies.ts';
import type { Namespace, NetworkPolicy, Node, Pod } from '../../objects/api-types.ts';
import { keyOf, type KubeObject } from '../../objects/meta.ts';
import { DNS_LABELS, DNS_NAMESPACE, DNS_PORT } from '../../policy/cluster-dns.ts';
import type { Probe } from './plan.ts';

/** `either`: some endpoints may be spoken to, and others not. */
export type Expected = 'answer' | 'silence' | 'either';

export interface PolicyLists {
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly namespaces: readonly Namespace[];
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly clusterNetworkPolicies: readonly KubeObject[];
}

/** In the place of the cluster's DNS, as policies see it. */
const DNS_POD = { namespace: DNS_NAMESPACE, name: 'cluster DNS', labels: DNS_LABELS };

/** In the order of the probes. Who may not ask for names reaches nobody by one. `dnsIps`: where the cluster's DNS answers. */
export function expectAnswers(
  probes: readonly Pick<Probe, 'from' | 'protocol' | 'endpoints'>[],
  dnsIps: readonly Ip[],
  lists: PolicyLists,
): readonly Expected[] {
  if (lists.networkPolicies.length + lists.clusterNetworkPolicies.length === 0)
    return probes.map(() => 'answer');
  const objects = rawObjects(lists, dnsIps);
  const isAllowed = allowing(objects);
  const families = new Map(lists.pods.map((it) => [keyOf(it), familiesOf(it)]));
  const servers = dnsIps.map((ip) => ({ ip, port: DNS_PORT }));
  return probes.map(({ from, protocol, endpoints }) => {
    const has = ({ ip }: Probe['endpoints'][number]): boolean =>
      families.get(from)?.has(familyOf(parseIp(ip))) === true;
    if (!servers.filter(has).some((it) => isAllowed(from, 'UDP', it))) return 'silence';
    const verdicts = endpoints.filter(has).map((it) => isAllowed(from, protocol, it));
    if (verdicts.every(Boolean)) return 'answer';
    return verdicts.some(Boolean) ? 'either' : 'silence';
  });
}

function familiesOf({ status }: Pod): ReadonlySet<Family> {
  return new Set(
    (status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [familyOf(parseIp(ip))])),
  );
}

type IsAllowed = (from: string, protocol: Protocol, to: Probe['endpoints'][number]) => boolean;

/** Each connection is judged once. */
function allowing(objects: RawPolicyObjects): IsAllowed {
  const known = new Map<string, boolean>();
  return (from, protocol, { ip, port }) => {
    const key = `${from} ${protocol} ${ip} ${port}`;
    const isAllowed = known.get(key) ?? judge(objects, connectionOf(from, protocol, { ip, port })).isAllowed;
    known.set(key, isAllowed);
    return isAllowed;
  };
}

function connectionOf(from: string, protocol: Protocol, to: Probe['endpoints'][number]): PolicyConnection {
  const [namespace = '', name = ''] = from.split('/');
  const ip = parseIp(to.ip);
  return {
    from: { kind: 'pod', namespace, name },
    to: { kind: 'outside', ip },
    family: familyOf(ip),
    protocol,
    port: parsePort(to.port),
  };
}

function rawObjects(lists: PolicyLists, dnsIps: readonly Ip[]): RawPolicyObjects {
  const dns = {
    metadata: DNS_POD,
    spec: { containers: [] },
    status: { podIPs: dnsIps.map((ip) => ({ ip })) },
  };
  // What the API serves has the shapes that the oracle reads.
  return { ...lists, pods: [...lists.pods, dns] } as unknown as RawPolicyObjects;
}
