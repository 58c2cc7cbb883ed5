// What the workloads of some namespaces need, by the connections that were seen: each from the side of the pod whose policies are asked.

import type { Cidr } from '../../base/cidr.ts';
import type { Protocol } from '../../base/port.ts';
import { containerPorts } from '../../oracle/policy-end.ts';
import type { RawLabelSelector, RawNetworkPolicyPeer } from '../../oracle/raw-policies.ts';
import { nameOfParty } from '../party.ts';
import { namedEnd, peerOf } from '../policy-peer.ts';
import type { PolicyWorld } from '../policy-world.ts';
import { StableSelectors } from '../stable-selector.ts';
import type { Workload } from '../workload.ts';
import { isNameQuestion, type AskedConnection } from './asked-connection.ts';

export type Direction = 'ingress' | 'egress';

/** What one workload needs in one direction: a connection from its side. */
export interface Need {
  readonly direction: Direction;
  readonly peer: RawNetworkPolicyPeer;
  /** "shop/Deployment/api", "203.0.113.7 (node node-1)". */
  readonly about: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Of the destination's container. */
  readonly portName: string | undefined;
  readonly connections: number;
  readonly isAnswered: boolean;
}

/** Pods that are chosen alike, and what they need. */
export interface Subject {
  readonly namespace: string;
  readonly selector: RawLabelSelector;
  /** Those that the selector is of; more than one where their labels are the same. */
  readonly workloads: readonly Workload[];
  /** Workloads that it chooses, too, though they have selectors of their own. */
  readonly others: readonly Workload[];
  readonly needs: readonly Need[];
}

export interface NeedSettings {
  readonly namespaces: ReadonlySet<string>;
  readonly names: ReadonlyMap<string, string>;
  /** The block by which an address outside is opened. */
  readonly blockOf: (block: Cidr) => Cidr;
}

/** Workloads of the namespaces with what they need; names that everybody may ask for are nobody's need. Throws as `StableSelectors` does. */
export function subjectsOf(
  world: PolicyWorld,
  asked: readonly AskedConnection[],
  settings: NeedSettings,
): readonly Subject[] {
  const selectors = new StableSelectors(world);
  const { namespaces } = settings;
  const ofCluster = world.objects.clusterNetworkPolicies ?? [];
  const admins = new Set(ofCluster.filter((it) => it.spec.tier === 'Admin').map((it) => it.metadata.name));
  const drafts = new Map<string, Subject & { readonly workloads: Workload[]; readonly needs: Need[] }>();
  for (const it of asked)
    for (const direction of ['egress', 'ingress'] as const) {
      const workload = subjectOf(it, direction, { namespaces, admins });
      if (workload === undefined) continue;
      const { selector, others } = selectors.of(workload);
      const key = `${workload.namespace} ${JSON.stringify(selector)}`;
      const { namespace } = workload;
      const draft = drafts.get(key) ?? { namespace, selector, others, workloads: [], needs: [] };
      drafts.set(key, draft);
      if (!draft.workloads.includes(workload)) draft.workloads.push(workload);
      draft.needs.push(needOf(world, it, { direction, namespace, settings, selectors }));
    }
  return [...drafts.values()].map((it) => ({
    ...it,
    others: it.others.filter((other) => !it.workloads.includes(other)),
  }));
}

function subjectOf(
  { question, verdict }: AskedConnection,
  direction: Direction,
  { namespaces, admins }: { readonly namespaces: ReadonlySet<string>; readonly admins: ReadonlySet<string> },
): Workload | undefined {
  const party = direction === 'egress' ? question.from : question.to;
  const side = verdict[direction];
  if (side.kind === 'not-judged' || party.kind !== 'workload') return undefined;
  // No NetworkPolicy is asked where a ClusterNetworkPolicy accepts before them.
  if (side.kind === 'allowed' && admins.has(side.rule.name) && side.rule.kind === 'ClusterNetworkPolicy')
    return undefined;
  if (direction === 'egress' && isNameQuestion(question)) return undefined;
  return namespaces.has(party.workload.namespace) ? party.workload : undefined;
}

interface NeedOptions {
  readonly direction: Direction;
  /** Of the pods that need it. */
  readonly namespace: string;
  readonly settings: NeedSettings;
  readonly selectors: StableSelectors;
}

function needOf(
  world: PolicyWorld,
  { question, recorded }: AskedConnection,
  { direction, namespace, settings, selectors }: NeedOptions,
): Need {
  const side = direction === 'egress' ? 'to' : 'from';
  const { protocol, port, to } = question;
  const peer = widened(peerOf(namedEnd(world, question, side), { namespace, selectors }), settings.blockOf);
  const name = nameOfParty(question[side]);
  const known = settings.names.get(name);
  const ports = to.kind === 'workload' ? containerPorts(to.workload.pod) : [];
  return {
    direction,
    peer,
    about: known === undefined ? name : `${name} (${known})`,
    protocol,
    port,
    portName: ports.find((it) => it.containerPort === port && (it.protocol ?? 'TCP') === protocol)?.name,
    connections: recorded.connections,
    isAnswered: recorded.isAnswered,
  };
}

function widened(peer: RawNetworkPolicyPeer, blockOf: (block: Cidr) => Cidr): RawNetworkPolicyPeer {
  // Made of an address a moment ago.
  return peer.ipBlock ? { ipBlock: { cidr: blockOf(peer.ipBlock.cidr as Cidr) } } : peer;
}
