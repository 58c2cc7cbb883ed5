// Which changes of the policies the tests would notice, and what a test would have to ask to notice the others.

import type {
  RawClusterNetworkPolicy,
  RawNetworkPolicy,
  RawPolicyObjects,
} from '../../oracle/raw-policies.ts';
import type { Assertion } from '../assertion-file.ts';
import { questionsOf } from '../assertions.ts';
import { nameOfPolicy } from '../explanation.ts';
import { namespaceOf, placeOf, placeText, type PlacedObject } from '../placed-object.ts';
import { oracleJudge } from '../policy-judge.ts';
import type { PolicyWorld } from '../policy-world.ts';
import { diffReach, sourcesOf, type DiffSettings, type ReachChange, type ReachDiff } from '../reach-diff.ts';
import { clusterPolicyMutants, networkPolicyMutants } from './mutant.ts';

export interface MutationReport {
  /** Changes after which a test fails that holds now. */
  readonly noticed: number;
  readonly unnoticed: readonly Unnoticed[];
}

/** A change after which all tests say the same. */
export interface Unnoticed {
  readonly policy: string;
  /** "file:line". */
  readonly at: string;
  /** "without ingress[0]". */
  readonly change: string;
  /** A connection that it opens or closes: what a test could ask. */
  readonly example: string;
}

/** Changes that open and close nothing are left out. Throws `invalid` as judging the assertions does. */
export function mutationsOf(
  world: PolicyWorld,
  assertions: readonly Assertion[],
  settings: DiffSettings,
): MutationReport {
  const questions = questionsOf(world, assertions);
  const verdicts = (of: PolicyWorld): readonly boolean[] => {
    const judge = oracleJudge(of);
    return questions.map(({ question }) => judge.judge(question).isAllowed);
  };
  const before = verdicts(world);
  let noticed = 0;
  const unnoticed: Unnoticed[] = [];
  for (const { placed, field, change, mutated } of changesOf(world)) {
    if (verdicts(mutated).some((it, i) => it !== before[i])) {
      noticed++;
      continue;
    }
    const example = exampleOf(diffReach(world, mutated, settings));
    if (example === undefined) continue;
    unnoticed.push({ policy: policyName(placed), at: placeText(placeOf(placed, field)), change, example });
  }
  return { noticed, unnoticed };
}

interface ChangedWorld {
  readonly placed: PlacedObject;
  readonly field: string;
  readonly change: string;
  readonly mutated: PolicyWorld;
}

function* changesOf(world: PolicyWorld): Generator<ChangedWorld> {
  const { objects } = world;
  const { networkPolicies, clusterNetworkPolicies = [] } = objects;
  const withObjects = (more: Partial<RawPolicyObjects>): PolicyWorld => ({
    ...world,
    objects: { ...objects, ...more },
  });
  for (const placed of world.policies) {
    const { name } = placed.object.metadata;
    const network = networkPolicies.find((it) => isIt(it, placed));
    if (placed.object.kind === 'NetworkPolicy' && network !== undefined)
      for (const { policy, ...what } of networkPolicyMutants(network))
        yield {
          placed,
          ...what,
          mutated: withObjects({ networkPolicies: replaced(networkPolicies, network, policy) }),
        };
    const cluster = clusterNetworkPolicies.find((it) => it.metadata.name === name);
    if (placed.object.kind === 'ClusterNetworkPolicy' && cluster !== undefined)
      for (const { policy, ...what } of clusterPolicyMutants(cluster))
        yield {
          placed,
          ...what,
          mutated: withObjects({ clusterNetworkPolicies: replaced(clusterNetworkPolicies, cluster, policy) }),
        };
  }
}

function isIt({ metadata }: RawNetworkPolicy, placed: PlacedObject): boolean {
  return metadata.name === placed.object.metadata.name && metadata.namespace === namespaceOf(placed);
}

function replaced<T extends RawNetworkPolicy | RawClusterNetworkPolicy>(
  all: readonly T[],
  old: T,
  now: T | undefined,
): readonly T[] {
  return all.flatMap((it) => (it !== old ? [it] : now === undefined ? [] : [now]));
}

function policyName(placed: PlacedObject): string {
  const { kind, metadata } = placed.object;
  if (kind === 'ClusterNetworkPolicy')
    return nameOfPolicy({ kind, namespace: undefined, name: metadata.name });
  return nameOfPolicy({ kind: 'NetworkPolicy', namespace: namespaceOf(placed), name: metadata.name });
}

/** "opens a to b, TCP 80": declared ports first, since these are what people ask about. */
function exampleOf(diff: ReachDiff): string | undefined {
  const textOf = (verb: string, changes: readonly ReachChange[]): string | undefined => {
    const change = changes.find((it) => !/ (all|other)$/.test(it.ports)) ?? changes[0];
    if (change === undefined) return undefined;
    const [from = ''] = sourcesOf(diff, change);
    return `${verb} ${from} to ${change.to}, ${change.ports}`;
  };
  return textOf('closes', diff.closed) ?? textOf('opens', diff.opened);
}

/** For people. */
export function mutationText({ noticed, unnoticed }: MutationReport): string {
  const lines = unnoticed.map(
    ({ policy, at, change, example }) => `${at}: no test notices ${policy} ${change}\n    it ${example}\n`,
  );
  return `${lines.join('')}${noticed} of ${noticed + unnoticed.length} changes are noticed (${percentOf({ noticed, unnoticed })}%)\n`;
}

/** Whole percent, downwards; 100 where there is nothing to notice. */
export function percentOf({ noticed, unnoticed }: MutationReport): number {
  const all = noticed + unnoticed.length;
  return all === 0 ? 100 : Math.floor((100 * noticed) / all);
}
