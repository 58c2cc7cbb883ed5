// Policies with one thing less or wider: what a test that is worth its name would notice.

import type {
  RawClusterNetworkPolicy,
  RawClusterRule,
  RawLabelSelector,
  RawNetworkPolicy,
  RawNetworkPolicyPeer,
  RawNetworkPolicyRule,
} from '../../oracle/raw-policies.ts';
import type { Direction } from '../reach-rule.ts';

/** One change; `policy` is undefined where it is gone. */
export interface Mutant<Policy> {
  /** Where it is made: "spec.ingress[0].ports[1]". */
  readonly field: string;
  /** "without ingress[0].ports[1]", "with ingress[0] from everybody". */
  readonly change: string;
  readonly policy: Policy | undefined;
}

const DIRECTIONS = ['ingress', 'egress'] as const;

export function networkPolicyMutants(policy: RawNetworkPolicy): readonly Mutant<RawNetworkPolicy>[] {
  const { spec } = policy;
  const withSpec = (change: Partial<NonNullable<RawNetworkPolicy['spec']>>): RawNetworkPolicy => ({
    ...policy,
    spec: { policyTypes: directionsOf(policy), ...spec, ...change },
  });
  const subject = isOpen(spec?.podSelector)
    ? []
    : [
        {
          field: 'spec.podSelector',
          change: 'for all pods of its namespace',
          policy: withSpec({ podSelector: {} }),
        },
      ];
  const ofRules = DIRECTIONS.flatMap((direction) =>
    listMutants(spec?.[direction] ?? [], direction, (rule, name) => ruleMutants(rule, direction, name)).map(
      (it) => ({
        ...it,
        policy: withSpec({ [direction]: it.value }),
      }),
    ),
  );
  return [
    { field: 'metadata.name', change: 'gone', policy: undefined },
    ...subject,
    ...ofRules.map(withoutValue),
  ];
}

export function clusterPolicyMutants(
  policy: RawClusterNetworkPolicy,
): readonly Mutant<RawClusterNetworkPolicy>[] {
  const { spec } = policy;
  const ofRules = DIRECTIONS.flatMap((direction) =>
    listMutants(spec[direction] ?? [], direction, (rule, name) =>
      clusterRuleMutants(rule, direction, name),
    ).map((it) => ({ ...it, policy: { ...policy, spec: { ...spec, [direction]: it.value } } })),
  );
  return [{ field: 'metadata.name', change: 'gone', policy: undefined }, ...ofRules.map(withoutValue)];
}

/** So that a policy that loses its last rule of egress goes on to isolate. */
function directionsOf({ spec }: RawNetworkPolicy): readonly string[] {
  return (spec?.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

interface Change<T> {
  readonly field: string;
  readonly change: string;
  readonly value: T;
}

function withoutValue<Policy>({ field, change, policy }: Mutant<Policy> & Change<unknown>): Mutant<Policy> {
  return { field, change, policy };
}

/** The list without each of its items, and with each of them changed. */
function listMutants<T>(
  list: readonly T[],
  name: string,
  change: (item: T, name: string) => readonly Change<T>[] = () => [],
): readonly Change<readonly T[]>[] {
  return list.flatMap((item, i) => {
    const at = `${name}[${i}]`;
    return [
      { field: `spec.${at}`, change: `without ${at}`, value: list.filter((_, j) => j !== i) },
      ...change(item, at).map((it) => ({ ...it, value: list.map((own, j) => (j === i ? it.value : own)) })),
    ];
  });
}

function ruleMutants(
  rule: RawNetworkPolicyRule,
  direction: Direction,
  name: string,
): readonly Change<RawNetworkPolicyRule>[] {
  const key = direction === 'ingress' ? 'from' : 'to';
  const [peers, ports] = [rule[key] ?? [], rule.ports ?? []];
  const changed = (
    field: string,
    change: string,
    more: Partial<RawNetworkPolicyRule>,
  ): Change<RawNetworkPolicyRule> => ({
    field,
    change,
    value: { ...rule, ...more },
  });
  return [
    ...(peers.length === 0
      ? []
      : [changed(`spec.${name}.${key}`, `with ${name} ${key} everybody`, { [key]: [] })]),
    ...(ports.length === 0
      ? []
      : [changed(`spec.${name}.ports`, `with ${name} at every port`, { ports: [] })]),
    // Without its only peer or port a rule is for all of them, which is said already.
    ...listMutants(peers, `${name}.${key}`, peerMutants)
      .filter(({ value }) => value.length > 0)
      .map((it) => changed(it.field, it.change, { [key]: it.value })),
    ...listMutants(ports, `${name}.ports`)
      .filter(({ value }) => value.length > 0)
      .map((it) => changed(it.field, it.change, { ports: it.value })),
  ];
}

function peerMutants(peer: RawNetworkPolicyPeer, name: string): readonly Change<RawNetworkPolicyPeer>[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const except = ipBlock?.except ?? [];
  const changed = (
    field: string,
    change: string,
    more: RawNetworkPolicyPeer,
  ): Change<RawNetworkPolicyPeer> => ({
    field: `spec.${name}.${field}`,
    change: `with ${name} ${change}`,
    value: { ...peer, ...more },
  });
  return [
    ...(isOpen(podSelector) ? [] : [changed('podSelector', 'for all pods', { podSelector: {} })]),
    ...(isOpen(namespaceSelector)
      ? []
      : [changed('namespaceSelector', 'for all namespaces', { namespaceSelector: {} })]),
    ...(ipBlock === undefined || ipBlock === null || except.length === 0
      ? []
      : [changed('ipBlock.except', 'without what it excepts', { ipBlock: { cidr: ipBlock.cidr } })]),
  ];
}

function clusterRuleMutants(
  rule: RawClusterRule,
  direction: Direction,
  name: string,
): readonly Change<RawClusterRule>[] {
  const key = direction === 'ingress' ? 'from' : 'to';
  const [peers, protocols] = [rule[key] ?? [], rule.protocols ?? []];
  const { protocols: _, ...everyPort } = rule;
  return [
    ...(protocols.length === 0
      ? []
      : [{ field: `spec.${name}.protocols`, change: `with ${name} at every port`, value: everyPort }]),
    ...listMutants(peers, `${name}.${key}`)
      .filter(({ value }) => value.length > 0)
      .map((it) => ({ ...it, value: { ...rule, [key]: it.value } })),
    ...listMutants(protocols, `${name}.protocols`)
      .filter(({ value }) => value.length > 0)
      .map((it) => ({ ...it, value: { ...rule, protocols: it.value } })),
  ];
}

/** A selector that selects everything already, or none at all. */
function isOpen(selector: RawLabelSelector | null | undefined): boolean {
  const labels = Object.keys(selector?.matchLabels ?? {}).length;
  return labels + (selector?.matchExpressions ?? []).length === 0;
}
