// Lint rules about whom and what policies name: selectors and ports that meet nothing in the manifests.

import type { RawNetworkPolicyPeer, RawNetworkPolicyPort } from '../../oracle/raw-policies.ts';
import { addBits, bitsIn, isNone, noBits, type Bits } from '../bits.ts';
import type { ReachEnd } from '../reach-end.ts';
import {
  networkPoliciesOf,
  peersField,
  ruleName,
  rulesOf,
  type LintContext,
  type LintRule,
  type PolicyAt,
  type RuleAt,
  type Said,
} from './finding.ts';

const SELECTS_NOTHING: LintRule = {
  id: 'selects-nothing',
  level: 'warning',
  about: 'podSelector selects no workload of the manifests, so the policy does nothing',
  check: (context) =>
    networkPoliciesOf(context)
      .filter((it) => hasPods(context, it.namespace) && isNone(subjectsOf(context, it)))
      .map(({ at, namespace }) => ({
        at,
        field: 'spec.podSelector',
        message: `podSelector selects no workload of namespace ${namespace}`,
        fix: 'compare it with the labels of the pod templates',
      })),
};

const PEER_NOBODY: LintRule = {
  id: 'peer-nobody',
  level: 'warning',
  about: 'A peer selects no workload, though the manifests have workloads in its namespaces',
  check: (context) =>
    networkPoliciesOf(context)
      .flatMap(rulesOf)
      .flatMap((it) => {
        const key = peersField(it.direction);
        return (it.rule[key] ?? []).flatMap((peer, i): readonly Said[] => {
          if (isSet(peer.ipBlock) || !isNone(peerPods(context, it, peer))) return [];
          // Namespaces of other repositories are nobody's mistake.
          if (isNone(peerPods(context, it, { ...peer, podSelector: {} }))) return [];
          return [
            {
              at: it.at,
              field: `${it.field}.${key}[${i}]`,
              message: `${ruleName(it)}.${key}[${i}] selects no workload`,
              fix: 'compare its podSelector with the labels of the pod templates',
            },
          ];
        });
      }),
};

const PORT_NAME_NOWHERE: LintRule = {
  id: 'port-name-nowhere',
  level: 'error',
  about: 'A rule names a port by a name that no destination of it has, so it matches nothing',
  check: (context) =>
    eachPort(context).flatMap(({ it, port, i }): readonly Said[] => {
      const name = port.port;
      if (typeof name !== 'string') return [];
      const destinations = destinationsOf(context, it);
      const protocol = port.protocol ?? 'TCP';
      const has = destinations.some((end) =>
        end.ports.some((own) => own.name === name && (own.protocol ?? 'TCP') === protocol),
      );
      if (destinations.length === 0 || has) return [];
      const known = [...new Set(destinations.flatMap(namesOf))].join(', ');
      return [
        {
          at: it.at,
          field: `${it.field}.ports[${i}]`,
          message: `${ruleName(it)} names port "${name}" of ${protocol}, which no destination has`,
          fix: known === '' ? 'name the port in the containers, or use its number' : `use one of ${known}`,
        },
      ];
    }),
};

const PORT_UNDECLARED: LintRule = {
  id: 'port-undeclared',
  level: 'note',
  about: 'A rule of ingress opens a port that no container of its pods declares',
  check: (context) =>
    eachPort(context).flatMap(({ it, port, i }): readonly Said[] => {
      const first = port.port;
      if (it.direction !== 'ingress' || typeof first !== 'number') return [];
      const destinations = destinationsOf(context, it);
      const isDeclared = destinations.some(({ ports }) =>
        ports.some(
          (own) =>
            (own.protocol ?? 'TCP') === (port.protocol ?? 'TCP') &&
            own.containerPort >= first &&
            own.containerPort <= (port.endPort ?? first),
        ),
      );
      // Containers may well listen where they declare nothing at all.
      if (isDeclared || !destinations.some((it) => it.ports.length > 0)) return [];
      return [
        {
          at: it.at,
          field: `${it.field}.ports[${i}]`,
          message: `${ruleName(it)} opens ${port.protocol ?? 'TCP'} ${first}, which no container of its pods declares`,
          fix: "use the container's port, not that of its Service; or declare it",
        },
      ];
    }),
};

function eachPort(
  context: LintContext,
): readonly { readonly it: RuleAt; readonly port: RawNetworkPolicyPort; readonly i: number }[] {
  return networkPoliciesOf(context)
    .flatMap(rulesOf)
    .flatMap((it) => (it.rule.ports ?? []).map((port, i) => ({ it, port, i })));
}

export function subjectsOf({ finder }: LintContext, { policy, namespace }: PolicyAt): Bits {
  return finder.pods(namespace, policy.spec?.podSelector ?? {});
}

function peerPods({ finder }: LintContext, { namespace }: PolicyAt, peer: RawNetworkPolicyPeer): Bits {
  return finder.pods(peer.namespaceSelector ?? namespace, peer.podSelector ?? {});
}

/** Workloads to which connections of a rule go: its own pods, or what its peers select. */
function destinationsOf(context: LintContext, it: RuleAt): readonly ReachEnd[] {
  if (it.direction === 'ingress') return endsIn(context, subjectsOf(context, it));
  const peers = (it.rule.to ?? []).filter((peer) => !isSet(peer.ipBlock));
  if ((it.rule.to ?? []).length === 0) return context.ends;
  const all = noBits(context.ends.length);
  for (const peer of peers) addBits(all, peerPods(context, it, peer));
  return endsIn(context, all);
}

function endsIn({ ends }: LintContext, bits: Bits): readonly ReachEnd[] {
  return [...bitsIn(bits)].flatMap((at) => ends[at] ?? []);
}

function hasPods({ finder }: LintContext, namespace: string): boolean {
  return !isNone(finder.pods(namespace, {}));
}

function namesOf({ ports }: ReachEnd): readonly string[] {
  return ports.flatMap(({ name }) => (name === undefined || name === '' ? [] : [name]));
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export const SELECTOR_RULES: readonly LintRule[] = [
  PORT_NAME_NOWHERE,
  SELECTS_NOTHING,
  PEER_NOBODY,
  PORT_UNDECLARED,
];
