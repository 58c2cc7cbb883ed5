// What lint rules see and say.

import type { Cidr } from '../../base/cidr.ts';
import type { RawNetworkPolicy, RawNetworkPolicyRule } from '../../oracle/raw-policies.ts';
import type { PeerFinder } from '../peer-finder.ts';
import { namespaceOf, placeOf, type Place, type PlacedObject } from '../placed-object.ts';
import type { PolicyWorld } from '../policy-world.ts';
import type { ReachEnd } from '../reach-end.ts';
import { isOfDirection, type Direction } from '../reach-rule.ts';
import type { Workload } from '../workload.ts';

/** The worst first. */
export const LEVELS = ['error', 'warning', 'note'] as const;

export type Level = (typeof LEVELS)[number];

export interface Finding {
  readonly rule: string;
  readonly level: Level;
  readonly place: Place;
  /** "NetworkPolicy shop/web: ...". */
  readonly message: string;
  /** What to do, as an order. */
  readonly fix: string;
}

export interface LintContext {
  readonly world: PolicyWorld;
  /** Workloads, then what stands for all outside; sets of the finder are of their places. */
  readonly ends: readonly ReachEnd[];
  readonly finder: PeerFinder;
  readonly podCidrs: readonly Cidr[];
  /** The same world with the cluster's DNS server, and which of its workloads that is. */
  readonly dns: { readonly world: PolicyWorld; readonly server: Workload };
}

export interface LintRule {
  readonly id: string;
  readonly level: Level;
  /** What is wrong where it finds something: a sentence without a full stop. */
  readonly about: string;
  readonly check: (context: LintContext) => readonly Said[];
}

/** A finding without what its rule knows. */
export interface Said {
  readonly at: PlacedObject;
  /** The line is that of this field or of its nearest parent. */
  readonly field: string;
  readonly message: string;
  readonly fix: string;
}

export function findingOf({ id, level }: LintRule, { at, field, message, fix }: Said): Finding {
  const { kind, metadata } = at.object;
  const isNamespaced = kind !== 'ClusterNetworkPolicy' && kind !== 'Namespace';
  const name = isNamespaced ? `${namespaceOf(at)}/${metadata.name}` : metadata.name;
  return { rule: id, level, place: placeOf(at, field), message: `${kind} ${name}: ${message}`, fix };
}

/** A NetworkPolicy with where it stands. */
export interface PolicyAt {
  readonly at: PlacedObject;
  readonly policy: RawNetworkPolicy;
  readonly namespace: string;
}

export function networkPoliciesOf({ world }: LintContext): readonly PolicyAt[] {
  return world.policies
    .filter((it) => it.object.kind === 'NetworkPolicy')
    .map((at) => {
      // The shape was checked where the object was read.
      const policy = at.object as unknown as RawNetworkPolicy;
      return { at, policy, namespace: namespaceOf(at) };
    });
}

export interface RuleAt extends PolicyAt {
  readonly direction: Direction;
  /** "spec.ingress[0]". */
  readonly field: string;
  readonly rule: RawNetworkPolicyRule;
}

/** All rules of a NetworkPolicy that count, of both directions. */
export function rulesOf(of: PolicyAt): readonly RuleAt[] {
  const directions = (['ingress', 'egress'] as const).filter((it) => isOfDirection(of.policy, it));
  return directions.flatMap((direction) =>
    (of.policy.spec?.[direction] ?? []).map((rule, i) => ({
      ...of,
      direction,
      rule,
      field: `spec.${direction}[${i}]`,
    })),
  );
}

/** "spec.ingress[0]" as people say it: "ingress[0]". */
export function ruleName({ field }: Pick<RuleAt, 'field'>): string {
  return field.replace(/^spec\./, '');
}

/** The list that a rule names its peers in. */
export function peersField(direction: Direction): 'from' | 'to' {
  return direction === 'ingress' ? 'from' : 'to';
}
