// The policies themselves: one for each set of pods that is chosen alike, one that closes each namespace but for names.

import type { Protocol } from '../../base/port.ts';
import { NAMESPACE_NAME_LABEL } from '../../objects/namespace.ts';
import type {
  RawLabelSelector,
  RawNetworkPolicyPeer,
  RawNetworkPolicyRule,
} from '../../oracle/raw-policies.ts';
import { DNS_LABELS, DNS_NAMESPACE, DNS_PORT } from '../cluster-dns.ts';
import type { SuggestedPolicy } from '../suggestion.ts';
import type { Direction, Need, Subject } from './need.ts';

/** One rule of a policy: every peer at every port of it was seen. */
export interface RecommendedRule {
  readonly peers: readonly RecommendedPeer[];
  readonly ports: readonly RecommendedPort[];
}

export interface RecommendedPeer {
  readonly peer: RawNetworkPolicyPeer;
  readonly about: readonly string[];
  readonly connections: number;
  readonly isAnswered: boolean;
}

export interface RecommendedPort {
  readonly protocol: Protocol;
  readonly port: number;
  readonly name: string | undefined;
}

export interface RecommendedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly selector: RawLabelSelector;
  /** Undefined of the policy that closes a namespace. */
  readonly subject: Subject | undefined;
  readonly ingress: readonly RecommendedRule[];
  readonly egress: readonly RecommendedRule[];
}

/** Marks what was recommended, so that a later recommendation takes its place. */
export const RECOMMENDED_LABEL = 'policy.fairlead.dev/recommended';

const DNS_RULE: RecommendedRule = {
  peers: [
    {
      peer: {
        namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: DNS_NAMESPACE } },
        podSelector: { matchLabels: DNS_LABELS },
      },
      about: [],
      connections: 0,
      isAnswered: true,
    },
  ],
  ports: (['UDP', 'TCP'] as const).map((protocol) => ({ protocol, port: DNS_PORT, name: undefined })),
};

/** Closes all pods of the namespace, whatever comes later, but for names. */
export function closingPolicy(namespace: string, name: string): RecommendedPolicy {
  return { namespace, name, selector: {}, subject: undefined, ingress: [], egress: [DNS_RULE] };
}

export function policyOfSubject(subject: Subject, name: string): RecommendedPolicy {
  const { namespace, selector, needs } = subject;
  const rulesFor = (direction: Direction): readonly RecommendedRule[] =>
    rulesOf(needs.filter((it) => it.direction === direction));
  return { namespace, name, selector, subject, ingress: rulesFor('ingress'), egress: rulesFor('egress') };
}

/** Peers with the same ports share a rule, so that no rule opens what nobody needs. */
function rulesOf(needs: readonly Need[]): readonly RecommendedRule[] {
  const ofPeers = [...Map.groupBy(needs, (it) => JSON.stringify(it.peer)).values()].map((of) => ({
    peer: peerFor(of),
    ports: portsOf(of),
  }));
  const groups = Map.groupBy(ofPeers, (it) => it.ports.map(portKey).join(','));
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, of]) => ({
      peers: of.map((it) => it.peer).toSorted((a, b) => (aboutOf(a) < aboutOf(b) ? -1 : 1)),
      ports: of[0]?.ports ?? [],
    }));
}

function aboutOf({ peer, about }: RecommendedPeer): string {
  return `${about[0]} ${JSON.stringify(peer)}`;
}

function peerFor(needs: readonly Need[]): RecommendedPeer {
  return {
    peer: needs[0]?.peer ?? {},
    about: [...new Set(needs.map((it) => it.about))].toSorted(),
    connections: needs.reduce((sum, it) => sum + it.connections, 0),
    isAnswered: needs.some((it) => it.isAnswered),
  };
}

function portsOf(needs: readonly Need[]): readonly RecommendedPort[] {
  const ports = needs.map(({ protocol, port, portName: name }) => ({ protocol, port, name }));
  return [...new Map(ports.map((it) => [portKey(it), it])).values()].toSorted(
    (a, b) => a.protocol.localeCompare(b.protocol) || a.port - b.port,
  );
}

function portKey({ protocol, port }: RecommendedPort): string {
  return `${protocol} ${String(port).padStart(5, '0')}`;
}

/** Numbers, never names of ports: a number is what was seen, and stays that whatever another pod of the peer's labels calls so. */
export function objectOfPolicy(policy: RecommendedPolicy): SuggestedPolicy & {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
} {
  const { namespace, name, selector: podSelector, ingress, egress } = policy;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: { [RECOMMENDED_LABEL]: 'true' } },
    spec: {
      podSelector,
      policyTypes: ['Ingress', 'Egress'],
      ...(ingress.length === 0 ? {} : { ingress: ingress.map((it) => ruleOf(it, 'from')) }),
      ...(egress.length === 0 ? {} : { egress: egress.map((it) => ruleOf(it, 'to')) }),
    },
  };
}

function ruleOf({ peers, ports }: RecommendedRule, side: 'from' | 'to'): RawNetworkPolicyRule {
  return {
    [side]: peers.map((it) => it.peer),
    ports: ports.map(({ protocol, port }) => ({ protocol, port })),
  };
}
