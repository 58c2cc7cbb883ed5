// Why a connection is allowed or denied: what decided at each end and where that is written.

import { FairleadError } from '../base/errors.ts';
import type { PolicyRef, PolicyRuleRef, PolicySide } from '../oracle/policy.ts';
import { nearMisses, type Direction } from './near-miss.ts';
import { nameOfParty } from './party.ts';
import { namespaceOf, placeOf, placeText, type PlacedObject } from './placed-object.ts';
import type { PolicyJudge } from './policy-judge.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';

/** What decided at one end. `decision` is the machine's word, the rest says by what. */
export interface SideExplanation {
  readonly of: string;
  readonly isAllowed: boolean;
  readonly decision: 'not-judged' | 'not-isolated' | 'allowed' | 'denied' | 'isolated';
  /** Of `not-judged`: whose end is no subject of policies. */
  readonly why: 'outside' | 'node' | 'own-node' | 'itself' | undefined;
  /** The rule that allowed or denied. */
  readonly rule: PlacedRule | undefined;
  /** Of `isolated`: every policy that isolates the pods. */
  readonly isolatedBy: readonly PlacedPolicy[];
  /** Of `isolated`: what comes nearest, at most three, the nearest first. */
  readonly nearest: readonly PlacedMiss[];
}

export interface PlacedPolicy {
  /** "NetworkPolicy shop/web". */
  readonly policy: string;
  /** "file:line". */
  readonly at: string;
}

export interface PlacedRule extends PlacedPolicy {
  /** "ingress[0]". */
  readonly rule: string;
}

export interface PlacedMiss extends PlacedRule {
  /** Conditions after "if". */
  readonly needs: readonly string[];
}

export interface Explanation {
  readonly from: string;
  readonly to: string;
  readonly family: 4 | 6;
  readonly protocol: string;
  readonly port: number;
  /** "shop/service/web:80" where a Service was asked about. */
  readonly via: string | undefined;
  readonly isAllowed: boolean;
  readonly egress: SideExplanation;
  readonly ingress: SideExplanation;
}

const MAX_MISSES = 3;

/** Throws where an end has no address of the family. */
export function explain(world: PolicyWorld, judge: PolicyJudge, question: Question): Explanation {
  const { isAllowed, egress, ingress } = judge.judge(question);
  const { from, to, family, protocol, port, via } = question;
  const sideOf = (side: PolicySide, direction: Direction): SideExplanation =>
    explainSide(world, question, { side, direction });
  return {
    from: nameOfParty(from),
    to: nameOfParty(to),
    family,
    protocol,
    port,
    via,
    isAllowed,
    egress: sideOf(egress, 'egress'),
    ingress: sideOf(ingress, 'ingress'),
  };
}

function explainSide(
  world: PolicyWorld,
  question: Question,
  { side, direction }: { readonly side: PolicySide; readonly direction: Direction },
): SideExplanation {
  const of = nameOfParty(direction === 'egress' ? question.from : question.to);
  const isAllowed = side.kind !== 'denied' && side.kind !== 'isolated';
  const isolating = side.kind === 'isolated' ? side.policies : [];
  const policies = world.objects.networkPolicies.filter((it) =>
    isolating.some((ref) => ref.namespace === it.metadata.namespace && ref.name === it.metadata.name),
  );
  const misses = nearMisses(world, question, { direction, policies }).slice(0, MAX_MISSES);
  return {
    of,
    isAllowed,
    decision: side.kind,
    why: side.kind === 'not-judged' ? side.why : undefined,
    rule:
      side.kind === 'allowed' || side.kind === 'denied' ? placeRule(world, side.rule, direction) : undefined,
    isolatedBy: isolating.map((ref) => placePolicy(world, ref)),
    nearest: misses.map(({ namespace, policy: name, index, needs }) => {
      const ref = { kind: 'NetworkPolicy', namespace, name, index } as const;
      return { ...placeRule(world, ref, direction), needs };
    }),
  };
}

function placePolicy(world: PolicyWorld, ref: PolicyRef): PlacedPolicy {
  return { policy: nameOfPolicy(ref), at: placeText(placeOf(findPolicy(world, ref), 'metadata.name')) };
}

function placeRule(world: PolicyWorld, ref: PolicyRuleRef, direction: Direction): PlacedRule {
  const rule = `${direction}[${ref.index}]`;
  return { policy: nameOfPolicy(ref), rule, at: placeText(placeOf(findPolicy(world, ref), `spec.${rule}`)) };
}

/** "NetworkPolicy shop/web", "ClusterNetworkPolicy tenants". */
export function nameOfPolicy({ kind, namespace, name }: PolicyRef): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The object that a verdict refers to. */
export function findPolicy({ policies }: PolicyWorld, ref: PolicyRef): PlacedObject {
  const found = policies.find(
    (it) =>
      it.object.kind === ref.kind &&
      it.object.metadata.name === ref.name &&
      (ref.namespace === undefined || namespaceOf(it) === ref.namespace),
  );
  if (found === undefined)
    throw new FairleadError('internal', `${nameOfPolicy(ref)} decided, but is not in the world`);
  return found;
}
