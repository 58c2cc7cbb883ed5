// A random cluster as the agent and as the oracle take it, and every connection that can be asked about in it.

import { parseCidr } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Family, type Ip } from '../../src/base/ip.ts';
import type { Protocol } from '../../src/base/port.ts';
import type { LearnedNames } from '../../src/compile/policy/addresses.ts';
import type { PolicyObjects } from '../../src/compile/policy/policy-objects.ts';
import { parseClusterNetworkPolicy } from '../../src/objects/cluster-network-policy.ts';
import { identityKey, identityLabels, type Identity } from '../../src/objects/identity.ts';
import { mentionedKeys } from '../../src/objects/mentioned-labels.ts';
import { parseNamespace } from '../../src/objects/namespace.ts';
import { parseNetworkPolicy } from '../../src/objects/network-policy.ts';
import { parseNode } from '../../src/objects/node.ts';
import { parsePod, type Pod } from '../../src/objects/pod.ts';
import type { PolicyEnd } from '../../src/oracle/policy-end.ts';
import type { RawPolicyObjects } from '../../src/oracle/raw-policies.ts';
import type { Raw, RawPolicyState } from '../states/arbitrary-policies.ts';

export const POLICY_CLUSTER = {
  podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:244::/48')],
  dnsIps: [parseIp('10.96.0.10')],
};

function keyed<T>(raw: readonly Raw[], parse: (it: unknown) => T): ReadonlyMap<string, T> {
  return new Map(
    raw.map((it) => {
      const { namespace, name } = it.metadata;
      return [namespace === undefined ? name : `${namespace}/${name}`, parse(it)];
    }),
  );
}

/** As the agent has them, with an identity for each pod as the controller gives it. */
export function slimPolicyObjects(state: RawPolicyState): PolicyObjects {
  const networkPolicies = keyed(state.networkPolicies, parseNetworkPolicy);
  const clusterNetworkPolicies = keyed(state.clusterNetworkPolicies, parseClusterNetworkPolicy);
  const pods = keyed(state.pods, parsePod);
  const mentioned = mentionedKeys(networkPolicies.values(), clusterNetworkPolicies.values());
  return {
    nodes: keyed(state.nodes, parseNode),
    namespaces: keyed(state.namespaces, parseNamespace),
    pods,
    networkPolicies,
    clusterNetworkPolicies,
    identities: identitiesFor(pods.values(), mentioned),
    services: new Map(),
    learned: learnedOf(state),
  };
}

function identitiesFor(pods: Iterable<Pod>, mentioned: ReadonlySet<string>): ReadonlyMap<string, Identity> {
  const known = new Map<string, Identity>();
  for (const { namespace, labels } of pods) {
    const of = { namespace, labels: identityLabels(labels, mentioned) };
    const number = 256 + known.size;
    const key = identityKey(of);
    if (!known.has(key))
      known.set(key, { namespace: '', name: String(number), uid: '', labels: new Map(), number, of });
  }
  return new Map([...known.values()].map((it) => [it.name, it]));
}

export interface Place {
  readonly end: PolicyEnd;
  /** Node that it is on, or that has the address; undefined for outside. */
  readonly node: string | undefined;
  readonly ips: readonly Ip[];
  readonly pod: Pod | undefined;
}

export const OUTSIDE = ['203.0.113.4', '203.0.113.5', '203.0.113.200', '8.8.8.8', '2001:db8:ffff::1'].map(
  (it) => parseIp(it),
);

/** Whoever can speak: pods with addresses, nodes, and some outside. */
function placesOf(objects: PolicyObjects): readonly Place[] {
  const pods = [...objects.pods.values()].filter((it) => !it.isFinished && !it.isHostNetwork);
  return [
    ...pods.map((pod): Place => {
      const { namespace, name, node, ips } = pod;
      return { end: { kind: 'pod', namespace, name }, node, ips, pod };
    }),
    ...[...objects.nodes.values()].map(({ name, addresses: ips }): Place => {
      return { end: { kind: 'node', name }, node: name, ips, pod: undefined };
    }),
    ...OUTSIDE.map((ip): Place => {
      const node = [...objects.nodes.values()].find((it) => it.otherAddresses.includes(ip))?.name;
      return { end: { kind: 'outside', ip }, node, ips: [ip], pod: undefined };
    }),
  ];
}

interface Asked {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
}

const ASKED: readonly Asked[] = ([4, 6] as const).flatMap((family) =>
  (
    [
      ['TCP', 80],
      ['TCP', 443],
      ['TCP', 8080],
      ['UDP', 53],
      ['UDP', 80],
      ['SCTP', 80],
    ] as const
  ).map(([protocol, port]) => ({ family, protocol, port })),
);

export interface Connection extends Asked {
  readonly from: Place;
  readonly to: Place;
}

/** Every connection that can be asked about. */
export function* connectionsOf(objects: PolicyObjects): Iterable<Connection> {
  const places = placesOf(objects);
  for (const asked of ASKED)
    for (const from of places.filter((it) => it.ips.some((ip) => familyOf(ip) === asked.family)))
      for (const to of places.filter((it) => it.ips.some((ip) => familyOf(ip) === asked.family)))
        if (from.end !== to.end && (from.pod ?? to.pod) !== undefined && !isHidden(from, to))
          yield { from, to, ...asked };
}

/** What a pod's own node forwards with an address of its own comes from somebody else, of whom policies know nothing. */
function isHidden(from: Place, to: Place): boolean {
  return from.end.kind === 'outside' && from.node !== undefined && from.node === to.node;
}

/** Names by address, as the agent keeps them. */
export function learnedOf({ learned }: Pick<RawPolicyState, 'learned'>): LearnedNames {
  const names = new Map<Ip, Set<string>>();
  for (const [name, ips] of learned ?? [])
    for (const ip of ips.map(parseIp)) names.set(ip, (names.get(ip) ?? new Set()).add(name));
  return names;
}

/** The same objects as the oracle reads them. */
export function rawPolicyObjects(state: RawPolicyState): RawPolicyObjects {
  // The generator writes whole objects; its own type says only what tests look at.
  const objects = state as unknown as RawPolicyObjects;
  return {
    ...objects,
    learnedNames: new Map((state.learned ?? []).map(([name, ips]) => [name, ips.map(parseIp)])),
  };
}
