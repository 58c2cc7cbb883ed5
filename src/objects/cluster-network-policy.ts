// The slim ClusterNetworkPolicy: policy.networking.k8s.io/v1alpha2, with the defaults of absent fields decided here.

import type { Cidr } from '../base/cidr.ts';
import { parsePort, type Port, type Protocol } from '../base/port.ts';
import type { Selector } from './meta.ts';
import { Field } from './slim-field.ts';
import { readMeta, readPrefix, type SlimMeta } from './slim-meta.ts';
import { readSelector } from './slim-selector.ts';

/** Judged before NetworkPolicies, or after them where none isolates the pod. */
export type PolicyTier = 'Admin' | 'Baseline';

/** Of policies of one tier those with lower priorities come first. Pods of the hosts' network are neither subjects nor peers. */
export interface ClusterNetworkPolicy extends SlimMeta {
  readonly tier: PolicyTier;
  /** From 0 to 1000. */
  readonly priority: number;
  readonly subject: PodChoice;
  /** In the order in which they are judged: the first one that matches decides. None say nothing of a direction. */
  readonly ingress: readonly ClusterPolicyRule[];
  readonly egress: readonly ClusterPolicyRule[];
}

/** Pods by their labels and their namespaces' labels; either empty for all. */
export interface PodChoice {
  readonly namespaces: Selector;
  readonly pods: Selector;
}

export interface ClusterPolicyRule {
  readonly name: string | undefined;
  /** Pass: on to the next tier. */
  readonly action: 'Accept' | 'Deny' | 'Pass';
  /** None match nobody: what was there cannot be understood, and must not let anybody in. */
  readonly peers: readonly ClusterPolicyPeer[];
  /** Undefined for every port of every protocol; none match nothing. */
  readonly ports: readonly ClusterPolicyPort[] | undefined;
}

export type ClusterPolicyPeer =
  | ({ readonly kind: 'pods' } & PodChoice)
  /** All addresses of these nodes. */
  | { readonly kind: 'nodes'; readonly nodes: Selector }
  /** Addresses of pods and nodes among them. */
  | { readonly kind: 'networks'; readonly cidrs: readonly Cidr[] }
  /** In lower case, without a dot at the end; "*.example.com" for all names below. Of `Accept` alone: the API defines them for nothing else. */
  | { readonly kind: 'names'; readonly names: readonly string[] }
  /** Everybody, pod or not. */
  | { readonly kind: 'all' };

export type ClusterPolicyPort =
  /** From `first` to `last`, both included. */
  | { readonly kind: 'numbers'; readonly protocol: Protocol; readonly first: Port; readonly last: Port }
  /** A container's port, of whatever protocol that is. */
  | { readonly kind: 'name'; readonly name: string };

/**
 * Reads a ClusterNetworkPolicy; throws `invalid` naming the field. A peer or protocol of a kind that is not known here, as a later version of
 * the API may bring, is taken for what lets less pass, as the API wants it: `Accept` does not match it, and `Deny` and `Pass` become `Deny` for all.
 */
export function parseClusterNetworkPolicy(raw: unknown): ClusterNetworkPolicy {
  const root = Field.root('ClusterNetworkPolicy', raw);
  const spec = root.at('spec');
  return {
    ...readMeta(root),
    tier: oneOf(spec.at('tier'), ['Admin', 'Baseline'] as const),
    priority: readPriority(spec.at('priority')),
    subject: readPods(spec.at('subject')) ?? spec.at('subject').fail('must have namespaces or pods'),
    ingress: readRules(spec.at('ingress'), 'from'),
    egress: readRules(spec.at('egress'), 'to'),
  };
}

function oneOf<T extends string>(field: Field, words: readonly T[]): T {
  return words.find((word) => word === field.value) ?? field.fail(`must be ${words.join(' or ')}`);
}

function readPriority(field: Field): number {
  const priority = field.optionalInteger();
  return priority !== undefined && priority >= 0 && priority <= 1000
    ? priority
    : field.fail('must be a whole number from 0 to 1000');
}

function readRules(field: Field, side: 'from' | 'to'): readonly ClusterPolicyRule[] {
  return field.list().map((rule) => {
    const read = readRule(rule, side);
    const isUnderstood = !read.peers.includes(undefined) && read.ports?.includes(undefined) !== true;
    if (!isUnderstood)
      return read.action === 'Accept'
        ? { ...read, peers: [], ports: [] }
        : { name: read.name, action: 'Deny', peers: [{ kind: 'all' }], ports: undefined };
    return { ...read, peers: known(read.peers), ports: read.ports && known(read.ports) };
  });
}

/** Undefined stands for what is not understood. */
interface RuleAsRead {
  readonly name: string | undefined;
  readonly action: ClusterPolicyRule['action'];
  readonly peers: readonly (ClusterPolicyPeer | undefined)[];
  readonly ports: readonly (ClusterPolicyPort | undefined)[] | undefined;
}

function readRule(rule: Field, side: 'from' | 'to'): RuleAsRead {
  const [peers, ports] = [rule.at(side).list(), rule.at('protocols').list()];
  if (peers.length === 0) return rule.at(side).fail('must name at least one peer');
  const action = oneOf(rule.at('action'), ['Accept', 'Deny', 'Pass'] as const);
  return {
    name: rule.at('name').optionalText(),
    action,
    peers: peers.map((it) => readPeer(it, { side, action })),
    ports: ports.length === 0 ? undefined : ports.map(readPort),
  };
}

function known<T>(items: readonly (T | undefined)[]): readonly T[] {
  return items.filter((it) => it !== undefined);
}

/** Exactly one member says who; which, tells what there is. What comes in is from pods alone. */
function readPeer(
  field: Field,
  { side, action }: { readonly side: 'from' | 'to'; readonly action: ClusterPolicyRule['action'] },
): ClusterPolicyPeer | undefined {
  const pods = readPods(field);
  if (pods !== undefined) return { kind: 'pods', ...pods };
  if (side === 'from') return undefined;
  const [nodes, networks, names] = [field.at('nodes'), field.at('networks'), field.at('domainNames')];
  if (!nodes.isAbsent) return { kind: 'nodes', nodes: readSelector(nodes) };
  if (!networks.isAbsent) return { kind: 'networks', cidrs: networks.list().map(readPrefix) };
  if (!names.isAbsent && action === 'Accept')
    return { kind: 'names', names: names.list().map(readDomainName) };
  return undefined;
}

/** By namespaces alone or by namespaces and pods; undefined where neither is there. */
function readPods(field: Field): PodChoice | undefined {
  const [namespaces, pods] = [field.at('namespaces'), field.at('pods')];
  if (!namespaces.isAbsent) return { namespaces: readSelector(namespaces), pods: [] };
  if (pods.isAbsent) return undefined;
  const [within, own] = [pods.at('namespaceSelector'), pods.at('podSelector')];
  if (own.isAbsent) return own.fail('must be there');
  return { namespaces: within.isAbsent ? [] : readSelector(within), pods: readSelector(own) };
}

function readDomainName(field: Field): string {
  return field.text().toLowerCase().replace(/\.$/, '');
}

const PROTOCOLS = [
  ['tcp', 'TCP'],
  ['udp', 'UDP'],
  ['sctp', 'SCTP'],
] as const;

function readPort(field: Field): ClusterPolicyPort | undefined {
  const named = field.at('destinationNamedPort');
  if (!named.isAbsent) return { kind: 'name', name: named.text() };
  for (const [member, protocol] of PROTOCOLS) {
    const port = field.at(`${member}.destinationPort`);
    if (!port.isAbsent) return readNumbers(port, protocol);
  }
  return undefined;
}

function readNumbers(field: Field, protocol: Protocol): ClusterPolicyPort | undefined {
  const [number, range] = [field.at('number'), field.at('range')];
  if (!number.isAbsent) {
    const port = number.parse(parsePort);
    return { kind: 'numbers', protocol, first: port, last: port };
  }
  if (range.isAbsent) return undefined;
  const [first, last] = [range.at('start').parse(parsePort), range.at('end').parse(parsePort)];
  return first < last ? { kind: 'numbers', protocol, first, last } : range.fail('must start before its end');
}
