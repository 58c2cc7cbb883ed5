// What the rules of each group of pods mean, worked out again where something that decides it is another. Pure but for its memory.

import type { Cidr } from '../../base/cidr.ts';
import type { PortSet } from '../../base/port-set.ts';
import type { DirectionPolicy, NodePolicies, PolicySubject } from '../../model/policy.ts';
import type { PolicyDirection } from '../../objects/network-policy.ts';
import type { BlockIndex } from './blocks.ts';
import { compileDirection } from './direction.ts';
import type { NamedIndex } from './named.ts';
import type { Group } from './own-groups.ts';
import type { ClassIndex } from './peers.ts';
import { RuleSetTable } from './rule-sets.ts';
import { isOpen, type DirectionRule } from './rules.ts';

/** Everybody that rules may mean. */
export interface SubjectBasis {
  readonly classes: ClassIndex;
  readonly named: NamedIndex;
  readonly blocks: BlockIndex;
  readonly podPrefixes: readonly Cidr[];
}

/** A direction as it was worked out, and what from. */
interface Worked {
  readonly isolates: boolean;
  readonly rules: readonly DirectionRule[];
  readonly classes: ClassIndex;
  /** Undefined where no rule is about names. */
  readonly named: NamedIndex | undefined;
  readonly blocks: BlockIndex;
  readonly podPrefixes: readonly Cidr[];
  readonly policy: DirectionPolicy;
}

export type Subjects = Pick<NodePolicies, 'subjects' | 'ruleSets'>;

export class SubjectBook {
  readonly #ruleSets = new RuleSetTable();
  #worked = new Map<string, Worked>();
  #last: Subjects = { subjects: new Map(), ruleSets: new Map() };

  /** The same objects while they say the same. */
  update(groups: Iterable<Group>, basis: SubjectBasis): Subjects {
    const worked = new Map<string, Worked>();
    const subjects = new Map<number, PolicySubject>();
    for (const group of groups) {
      const [ingress, egress] = (['ingress', 'egress'] as const).map((it) =>
        this.#work(group, it, { basis, worked }),
      );
      subjects.set(group.number, { ingress, egress });
    }
    this.#worked = worked;
    if (!isSameSubjects(subjects, this.#last.subjects))
      this.#last = { subjects, ruleSets: this.#usedRuleSets(subjects.values()) };
    return this.#last;
  }

  /** The direction again where nothing that decides it is another object. */
  #work(
    { number, pod, rules }: Group,
    direction: PolicyDirection,
    { basis, worked }: { readonly basis: SubjectBasis; readonly worked: Map<string, Worked> },
  ): DirectionPolicy | undefined {
    const own = rules[direction];
    if (isOpen(own)) return undefined;
    const key = `${number} ${direction}`;
    const all = [...own.admin, ...own.rules, ...own.baseline];
    const { named, ...others } = basis;
    const from = {
      ...others,
      isolates: own.isolating.length > 0,
      rules: all,
      named: all.some(isAboutNames) ? named : undefined,
    };
    const before = this.#worked.get(key);
    const policy =
      before !== undefined && isSameBasis(before, from)
        ? before.policy
        : compileDirection({
            ...basis,
            direction,
            rules: own,
            ownPorts: pod.ports,
            numberOf: (ports) => this.#ruleSets.numberOf(ports),
          });
    worked.set(key, { ...from, policy });
    return policy;
  }

  #usedRuleSets(subjects: Iterable<PolicySubject>): NodePolicies['ruleSets'] {
    const used = new Map<number, PortSet>();
    for (const { ingress, egress } of subjects)
      for (const ofBlocks of [...(ingress?.values() ?? []), ...(egress?.values() ?? [])])
        for (const number of ofBlocks.values()) {
          const set = this.#ruleSets.setOf(number);
          if (set !== undefined) used.set(number, set);
        }
    return used;
  }
}

function isAboutNames({ peers = [] }: DirectionRule): boolean {
  return peers.some((it) => it.kind === 'names');
}

function isSameBasis(a: Worked, b: Omit<Worked, 'policy'>): boolean {
  return (
    a.classes === b.classes &&
    a.named === b.named &&
    a.blocks === b.blocks &&
    a.podPrefixes === b.podPrefixes &&
    a.isolates === b.isolates &&
    a.rules.length === b.rules.length &&
    a.rules.every((it, at) => it === b.rules[at])
  );
}

function isSameSubjects(a: NodePolicies['subjects'], b: NodePolicies['subjects']): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([number, { ingress, egress }]) => {
    const other = b.get(number);
    return other !== undefined && other.ingress === ingress && other.egress === egress;
  });
}
