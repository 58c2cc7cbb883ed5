// From recorded connections to the least that NetworkPolicies have to let pass: made, then proved by replay.

import { cidrBase, cidrFamily, cidrHasIp, cidrOf, cidrsOverlap, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import { allAddresses } from '../../oracle/policy-end.ts';
import { withDns } from '../cluster-dns.ts';
import { namespaceOf, type PlacedObject } from '../placed-object.ts';
import { knownIpsOf, type PolicyWorld, type PolicyWorldSettings } from '../policy-world.ts';
import { nameOfWorkload, type Workload } from '../workload.ts';
import { askConnections, type AskedConnection, type LeftOutConnection } from './asked-connection.ts';
import type { ConnectionRecord } from './connection-record.ts';
import { keptPolicies, namedPolicies } from './named-policies.ts';
import { subjectsOf } from './need.ts';
import type { RecommendedPolicy } from './recommended-policy.ts';
import { replay, withLearned, worldWith } from './replay.ts';
import { unseenPairs, type UnseenPair } from './unseen.ts';

export interface RecommendSettings extends PolicyWorldSettings {
  /** Those that policies are made for; none: all of which a workload was seen, but `kube-system`. */
  readonly namespaces: readonly string[];
  /** Lengths of the prefixes by which addresses outside are opened; where absent each by itself. */
  readonly outsidePrefix: Readonly<Partial<Record<Family, number>>>;
}

export interface Recommendation {
  readonly record: ConnectionRecord;
  readonly namespaces: readonly string[];
  /** Those of a namespace follow each other, the one that closes it first. */
  readonly policies: readonly RecommendedPolicy[];
  /** How many connections passed the replay. */
  readonly replayed: number;
  readonly leftOut: readonly LeftOutConnection[];
  readonly unseen: readonly UnseenPair[];
  /** Workloads of the namespaces of which nothing was seen: they may ask for names, and nothing else. */
  readonly silent: readonly string[];
  /** Policies that are there and stay. */
  readonly kept: readonly string[];
}

/** Left alone unless somebody names it: whoever closes it by a record of a minute closes the cluster. */
const SYSTEM_NAMESPACE = 'kube-system';

/**
 * Throws `invalid` where pods that need something have no labels to be chosen by, or a namespace has no workload, and `internal` where the replay
 * says that the recommendation would deny what was seen.
 */
export function recommendPolicies(
  placed: readonly PlacedObject[],
  record: ConnectionRecord,
  settings: RecommendSettings,
): Recommendation {
  const known = withDns(placed, settings);
  const world = withLearned(known.world, record);
  const { asked, leftOut } = askConnections({ ...known, world }, record.connections);
  const namespaces = namespacesOf(world, asked, settings.namespaces);
  const concerned = asked.filter((it) => workloadsOf(it, namespaces).length > 0);
  const blockOf = blocksFor(world, settings);
  const subjects = subjectsOf(world, asked, { namespaces, names: record.names, blockOf });
  const policies = namedPolicies(world, { namespaces, subjects });
  replay(withLearned(worldWith(known.placed, policies, settings), record), concerned);
  // And where theirs are what is left of the policies of the namespaces: nothing rests on one that goes some day.
  const others = known.placed.filter((it) => !isPolicyOf(it, namespaces));
  replay(withLearned(worldWith(others, policies, settings), record), concerned);
  const alone = worldWith(known.placed.filter(isNoPolicy), policies, settings);
  const seen = new Set(concerned.flatMap((it) => workloadsOf(it, namespaces)));
  const isNamed = ({ recorded: { from, to } }: LeftOutConnection): boolean =>
    settings.namespaces.some((it) => [from, to].some((end) => end.startsWith(`${it}/`)));
  return {
    record,
    namespaces: [...namespaces],
    policies,
    replayed: concerned.reduce((sum, it) => sum + it.recorded.connections, 0),
    leftOut: settings.namespaces.length === 0 ? leftOut : leftOut.filter(isNamed),
    unseen: unseenPairs(
      alone,
      concerned.map((it) => it.question),
      { namespaces, podCidrs: settings.podCidrs },
    ),
    silent: world.workloads.filter((it) => isSubject(it, namespaces) && !seen.has(it)).map(nameOfWorkload),
    kept: keptPolicies(world, namespaces, policies),
  };
}

function namespacesOf(
  { workloads }: PolicyWorld,
  asked: readonly AskedConnection[],
  named: readonly string[],
): ReadonlySet<string> {
  const unknown = named.filter((it) => !workloads.some(({ namespace }) => namespace === it));
  if (unknown.length > 0)
    throw new FairleadError(
      'invalid',
      `Cannot recommend policies for namespace ${unknown.join(', ')}: there is no workload in it`,
    );
  if (named.length > 0) return new Set(named);
  const all = new Set(workloads.map((it) => it.namespace).filter((it) => it !== SYSTEM_NAMESPACE));
  const seen = new Set(asked.flatMap((it) => workloadsOf(it, all)).map((it) => it.namespace));
  return new Set([...seen].toSorted());
}

/** Workloads of the namespaces whose policies are asked about the connection. */
function workloadsOf(
  { question: { from, to }, verdict: { egress, ingress } }: AskedConnection,
  namespaces: ReadonlySet<string>,
): readonly Workload[] {
  const judged = [
    ...(egress.kind === 'not-judged' ? [] : [from]),
    ...(ingress.kind === 'not-judged' ? [] : [to]),
  ];
  return judged.flatMap((it) =>
    it.kind === 'workload' && namespaces.has(it.workload.namespace) ? [it.workload] : [],
  );
}

function isSubject({ namespace, pod }: Workload, namespaces: ReadonlySet<string>): boolean {
  return namespaces.has(namespace) && pod.spec.hostNetwork !== true;
}

function isPolicyOf(placed: PlacedObject, namespaces: ReadonlySet<string>): boolean {
  return placed.object.kind === 'NetworkPolicy' && namespaces.has(namespaceOf(placed));
}

function isNoPolicy({ object: { kind } }: PlacedObject): boolean {
  return kind !== 'NetworkPolicy' && kind !== 'ClusterNetworkPolicy';
}

/** Nothing of the cluster is in a block that is wider than what was seen. */
function blocksFor(
  { objects }: PolicyWorld,
  { outsidePrefix, podCidrs }: RecommendSettings,
): (block: Cidr) => Cidr {
  const own = [...objects.nodes.flatMap(allAddresses), ...objects.pods.flatMap(knownIpsOf)];
  return (block) => {
    const length = outsidePrefix[cidrFamily(block)];
    if (length === undefined) return block;
    const wide = cidrOf(cidrBase(block), length);
    const isOurs = own.some((ip) => cidrHasIp(wide, ip)) || podCidrs.some((it) => cidrsOverlap(it, wide));
    return isOurs ? block : wide;
  };
}
