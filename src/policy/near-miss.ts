// The rules that come nearest to letting a connection through, and what each of them lacks for it: by NetworkPolicies that isolate a pod.

import type { Ip } from '../base/ip.ts';
import { containerPorts, locateEnd, type LocatedEnd } from '../oracle/policy-end.ts';
import { blockHas, matchesPorts, type Destination } from '../oracle/policy-port.ts';
import { labelsOfNamespace } from '../oracle/policy-selector.ts';
import type {
  RawNetworkPolicy,
  RawNetworkPolicyPeer,
  RawNetworkPolicyPort,
  RawNetworkPolicyRule,
  RawPolicyObjects,
} from '../oracle/raw-policies.ts';
import { endsOf, nameOfParty, type Party } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import { unmetRequirements } from './unmet-requirement.ts';

export type Direction = 'ingress' | 'egress';

/** `needs` are conditions after "if": all of them together would make the rule match. */
export interface NearMiss {
  readonly namespace: string;
  readonly policy: string;
  readonly direction: Direction;
  readonly index: number;
  readonly needs: readonly string[];
}

interface Side {
  readonly objects: RawPolicyObjects;
  readonly policy: RawNetworkPolicy;
  readonly party: Party;
  readonly peer: LocatedEnd;
  readonly to: Destination;
}

/** Rules of the policies that isolate, in the order of how little they lack. */
export function nearMisses(
  world: PolicyWorld,
  question: Question,
  { direction, policies }: { readonly direction: Direction; readonly policies: readonly RawNetworkPolicy[] },
): readonly NearMiss[] {
  const { objects } = world;
  const ends = endsOf(question.from, question.to);
  const end = locateEnd(objects, ends.to, question.family);
  const peer = direction === 'ingress' ? locateEnd(objects, ends.from, question.family) : end;
  const party = direction === 'ingress' ? question.from : question.to;
  const misses = policies.flatMap((policy) =>
    (policy.spec?.[direction] ?? []).map((rule, index) => ({
      namespace: policy.metadata.namespace,
      policy: policy.metadata.name,
      direction,
      index,
      needs: needsOf(rule, direction, { objects, policy, party, peer, to: { ...question, end } }),
    })),
  );
  return misses.toSorted((a, b) => a.needs.length - b.needs.length);
}

function needsOf(rule: RawNetworkPolicyRule, direction: Direction, side: Side): readonly string[] {
  const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
  const [nearest = []] = peers.map((peer) => needsOfPeer(peer, side)).toSorted((a, b) => a.length - b.length);
  return [...nearest, ...(matchesPorts(rule.ports, side.to) ? [] : [needOfPorts(rule.ports ?? [], side.to)])];
}

function needsOfPeer(peer: RawNetworkPolicyPeer, side: Side): readonly string[] {
  const block = peer.ipBlock ?? undefined;
  if (block !== undefined) return needsOfBlock(block, side);
  const who = nameOfParty(side.party);
  if (side.peer.kind !== 'pod') return [`${who} were a pod of the cluster's network`];
  const { namespace, labels } = side.peer.pod.metadata;
  const ofPod = unmetRequirements(peer.podSelector ?? {}, labels ?? {}).map(
    (it) => `pods of ${who} had ${it}`,
  );
  const selector = peer.namespaceSelector ?? undefined;
  if (selector !== undefined) {
    const unmet = unmetRequirements(selector, labelsOfNamespace(side.objects.namespaces, namespace));
    return [...unmet.map((it) => `namespace ${namespace} had ${it}`), ...ofPod];
  }
  const own = side.policy.metadata.namespace;
  return [...(namespace === own ? [] : [`${who} were in namespace ${own}`]), ...ofPod];
}

function needsOfBlock(
  { cidr, except }: { readonly cidr: string; readonly except?: readonly string[] | null },
  { party, peer }: Side,
): readonly string[] {
  const who = nameOfParty(party);
  if (!blockHas(cidr, peer.ip)) return [`${addressText(who, peer.ip)} were in ${cidr}`];
  return (except ?? [])
    .filter((it) => blockHas(it, peer.ip))
    .map((it) => `${addressText(who, peer.ip)} were not in ${it}, which the block excepts`);
}

function addressText(who: string, ip: Ip): string {
  return who === ip ? who : `the address of ${who} (${ip})`;
}

function needOfPorts(ports: readonly RawNetworkPolicyPort[], to: Destination): string {
  const known = to.end.kind === 'pod' ? containerPorts(to.end.pod) : [];
  const texts = ports.map(({ port, endPort, protocol }) => {
    const name = `${protocol ?? 'TCP'}`;
    if (port === undefined || port === null) return `any of ${name}`;
    if (typeof port === 'number')
      return `${name} ${port}${endPort === undefined || endPort === null ? '' : `-${endPort}`}`;
    const found = known.find((it) => it.name === port && (it.protocol ?? 'TCP') === name);
    return `${name} ${port} (${found === undefined ? 'a name that the pod has not' : found.containerPort})`;
  });
  return `the port were ${texts.join(' or ')}`;
}
