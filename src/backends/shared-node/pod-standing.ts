// Who the pods of the node's links are to policies, for the programs there: they mark packets by it whoever judges, so it is no backend's own.

import type { PolicySubject } from '../../model/policy.ts';
import { part, type Part } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import { POLICY_ISOLATED } from '../../wire/bpf-maps-policy.ts';
import { mapVerbs } from '../shared-bpf/map-target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { CLOSED_STANDING, type PodStanding } from '../shared-bpf/pod-interfaces.ts';
import { growEpoch } from '../shared-bpf/policy-mode.ts';
import { podOfLink, type PodLink, type PolicyInput, type PolicyView } from './policy-backend.ts';

/** By index of the link. A pod that nobody knows is closed. */
export function renderStandings(view: PolicyView): ReadonlyMap<string, StandingEntry> {
  return new Map(
    view.links.map((link) => {
      const { ifindex } = link;
      return [String(ifindex), { ifindex, ...(standingOf(view, link) ?? CLOSED_STANDING) }];
    }),
  );
}

export interface StandingEntry extends PodStanding {
  readonly ifindex: number;
}

/** Undefined for a pod that the policies do not know. */
export function standingOf(
  { pods, subjects }: Pick<PolicyView, 'pods' | 'subjects'>,
  link: Pick<PodLink, 'pod' | 'ips'>,
): PodStanding | undefined {
  const pod = podOfLink(pods, link);
  if (pod === undefined) return undefined;
  const { subject, identity = 0 } = pod;
  return { identity, subject, isolated: isolatedOf(subjects.get(subject)) };
}

function isolatedOf(subject: PolicySubject | undefined): number {
  if (subject === undefined) return CLOSED_STANDING.isolated;
  const { ingress, egress } = POLICY_ISOLATED;
  return (subject.ingress === undefined ? 0 : ingress) | (subject.egress === undefined ? 0 : egress);
}

/** Who the pods of the node's links are. The links are the CNI's: one that nobody knows is closed, not removed. */
export function standingTarget(maps: Pick<NodeMaps, 'podInterfaces' | 'policyState'>): Target<StandingEntry> {
  const { podInterfaces } = maps;
  const write = (ifindex: number, { identity, subject, isolated }: PodStanding): void => {
    const there = podInterfaces.lookup({ ifindex });
    if (there !== undefined) podInterfaces.update({ ifindex }, { ...there, identity, subject, isolated });
  };
  return {
    name: 'policy-pods',
    isIsolated: true,
    ...mapVerbs<StandingEntry>(
      {
        read: () =>
          podInterfaces
            .entries()
            .map(([{ ifindex }, { identity, subject, isolated }]) => [
              String(ifindex),
              { ifindex, identity, subject, isolated },
            ]),
        write: (all) => all.forEach(({ ifindex, ...standing }) => write(ifindex, standing)),
        remove: (all) => all.forEach(({ ifindex }) => write(ifindex, CLOSED_STANDING)),
      },
      () => growEpoch(maps),
    ),
    isEqual: (a, b) => a.identity === b.identity && a.subject === b.subject && a.isolated === b.isolated,
    print: (verb, ifindex, { subject, identity, isolated }) => [
      `${verb} link ${ifindex} as subject ${subject}, identity ${identity}, isolated ${isolated} in the map pod_interfaces`,
    ],
  };
}

/** Comes after the backends: what a subject may is there before a pod becomes one. */
export function podStandingPart<V extends PolicyInput>(maps: NodeMaps): Part<V> {
  return part<V, StandingEntry>(
    standingTarget(maps),
    ({ policies }) => policies && renderStandings(policies),
  );
}
