// Objects -> what policies mean for the pods of one node, again and again. What it gives depends on the objects of now alone; what it remembers only
// saves work (a property test holds a compiler with a past equal to a new one).

import { cidrHasIp, hostCidr, type Cidr } from '../../base/cidr.ts';
import type { PortSet } from '../../base/port-set.ts';
import type { ClusterNetwork } from '../../model/network.ts';
import type { DirectionPolicy, NodePolicies, PolicyPod, PolicySubject } from '../../model/policy.ts';
import type { PolicyDirection } from '../../objects/network-policy.ts';
import type { Pod } from '../../objects/pod.ts';
import { addressesOf } from './addresses.ts';
import { BlockIndex, prefixesOf } from './blocks.ts';
import { compileDirection } from './direction.ts';
import { NumberTable } from './number-of.ts';
import {
  isPolicyPod,
  labelsOfNamespace,
  mentionedBy,
  PeerBook,
  portsText,
  type ClassIndex,
} from './peers.ts';
import type { PolicyObjects } from './policy-objects.ts';
import {
  isOpen,
  rulesAbout,
  sortPolicies,
  type DirectionRule,
  type DirectionRules,
  type Policies,
  type RuleSubject,
} from './rules.ts';
import { RuleSetTable } from './rule-sets.ts';

export interface PolicySettings {
  readonly nodeName: string;
  readonly cluster: Pick<ClusterNetwork, 'podCidrs' | 'dnsIps'>;
}

/** Pods of this node that are the same to policies. */
interface Group {
  readonly number: number;
  readonly pod: Pod;
  readonly rules: Readonly<Record<PolicyDirection, DirectionRules>>;
}

/** A direction as it was worked out, and what from. */
interface Worked {
  readonly isolates: boolean;
  readonly rules: readonly DirectionRule[];
  readonly classes: ClassIndex;
  readonly blocks: BlockIndex;
  readonly podPrefixes: string;
  readonly policy: DirectionPolicy;
}

const SUBJECT_NUMBERS = { first: 1, count: 0x7fff_fff0 };

export class PolicyCompiler {
  readonly #settings: PolicySettings;
  readonly #book = new PeerBook();
  readonly #subjectNumbers = new NumberTable(SUBJECT_NUMBERS);
  readonly #ruleSets = new RuleSetTable();
  #blocks = new BlockIndex([]);
  #worked = new Map<string, Worked>();

  constructor(settings: PolicySettings) {
    this.#settings = settings;
  }

  compile(objects: PolicyObjects): NodePolicies {
    this.#book.update(objects, mentionedBy(objects));
    const { groups, pods } = this.#groupPods(objects);
    this.#blocks = keepBlocks(this.#blocks, groups.values());
    const podPrefixes = this.#podPrefixes(objects);
    const worked = new Map<string, Worked>();
    const subjects = new Map<number, PolicySubject>();
    for (const group of groups.values()) {
      const [ingress, egress] = (['ingress', 'egress'] as const).map((it) =>
        this.#work(group, it, { podPrefixes, worked }),
      );
      subjects.set(group.number, { ingress, egress });
    }
    this.#worked = worked;
    return {
      pods,
      subjects,
      addresses: this.#addresses(objects, podPrefixes),
      ruleSets: this.#usedRuleSets(subjects.values()),
    };
  }

  #groupPods(objects: PolicyObjects): {
    readonly groups: ReadonlyMap<number, Group>;
    readonly pods: ReadonlyMap<string, PolicyPod>;
  } {
    const policies = sortPolicies(objects);
    const groups = new Map<number, Group>();
    const policyPods = new Map<string, PolicyPod>();
    for (const [key, pod] of objects.pods) {
      if (pod.node !== this.#settings.nodeName || !isPolicyPod(pod)) continue;
      const number = this.#subjectNumbers.numberOf(subjectText(this.#book.keyOf(pod), pod));
      if (!groups.has(number))
        groups.set(number, { number, pod, rules: bothRules(policies, subjectOf(pod, objects)) });
      const { namespace, name, uid, ips } = pod;
      policyPods.set(key, {
        namespace,
        name,
        uid,
        ips,
        subject: number,
        identity: this.#book.identityOf(pod),
      });
    }
    return { groups, pods: policyPods };
  }

  /** The direction again where nothing that decides it is another object. */
  #work(
    { number, pod, rules }: Group,
    direction: PolicyDirection,
    { podPrefixes, worked }: { readonly podPrefixes: readonly Cidr[]; readonly worked: Map<string, Worked> },
  ): DirectionPolicy | undefined {
    const own = rules[direction];
    if (isOpen(own)) return undefined;
    const key = `${number} ${direction}`;
    const basis = {
      isolates: own.isolating.length > 0,
      rules: [...own.admin, ...own.rules, ...own.baseline],
      classes: this.#book.index,
      blocks: this.#blocks,
      podPrefixes: podPrefixes.join(),
    };
    const before = this.#worked.get(key);
    const policy =
      before !== undefined && isSameBasis(before, basis)
        ? before.policy
        : compileDirection({
            ...basis,
            direction,
            rules: own,
            podPrefixes,
            ownPorts: pod.ports,
            numberOf: (ports) => this.#ruleSets.numberOf(ports),
          });
    worked.set(key, { ...basis, policy });
    return policy;
  }

  /** Prefixes that pods have addresses of: the cluster's, and single ones that lie elsewhere. */
  #podPrefixes({ pods, nodes }: PolicyObjects): readonly Cidr[] {
    const prefixes = new Set([
      ...this.#settings.cluster.podCidrs,
      ...[...nodes.values()].flatMap((it) => it.podCidrs),
    ]);
    const isInside = (ip: Pod['ips'][number]): boolean => [...prefixes].some((it) => cidrHasIp(it, ip));
    const list = [...this.#settings.cluster.podCidrs];
    for (const pod of pods.values())
      if (isPolicyPod(pod))
        for (const ip of pod.ips)
          if (!list.some((it) => cidrHasIp(it, ip)) && !isInside(ip)) prefixes.add(hostCidr(ip));
    return [...prefixes].toSorted();
  }

  #addresses({ pods, nodes }: PolicyObjects, podPrefixes: readonly Cidr[]): NodePolicies['addresses'] {
    const own = nodes.get(this.#settings.nodeName)?.addresses ?? [];
    const fixed = {
      podPrefixes,
      ownNode: own.map(hostCidr),
      nodes: this.#otherNodes(nodes),
      clusterDns: this.#settings.cluster.dnsIps.map(hostCidr),
    };
    return addressesOf(pods.values(), fixed, { book: this.#book, blocks: this.#blocks });
  }

  #otherNodes(nodes: PolicyObjects['nodes']): ReadonlyMap<Cidr, number> {
    const addresses = new Map<Cidr, number>();
    for (const [name, node] of nodes) {
      const number = this.#book.index.nodeNumber(name);
      if (number !== undefined) for (const ip of node.addresses) addresses.set(hostCidr(ip), number);
    }
    return addresses;
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

function bothRules(
  policies: Policies,
  subject: RuleSubject,
): Readonly<Record<PolicyDirection, DirectionRules>> {
  return {
    ingress: rulesAbout(policies, subject, 'ingress'),
    egress: rulesAbout(policies, subject, 'egress'),
  };
}

function subjectOf(
  { namespace, labels }: Pod,
  { namespaces }: Pick<PolicyObjects, 'namespaces'>,
): RuleSubject {
  return { namespace, namespaceLabels: labelsOfNamespace(namespaces, namespace), labels };
}

/** Canonical: all that policies can tell this pod by. */
function subjectText(key: string, { ports }: Pod): string {
  const names = new Set(ports.flatMap((it) => it.name ?? []));
  return `${key}\n${portsText(ports, names)}`;
}

function keepBlocks(before: BlockIndex, groups: Iterable<Group>): BlockIndex {
  const prefixes = new Set<Cidr>();
  for (const { rules } of groups)
    for (const it of [rules.ingress, rules.egress]) for (const prefix of prefixesOf(it)) prefixes.add(prefix);
  const isSame = prefixes.size === before.numbers.size && [...prefixes].every((it) => before.numbers.has(it));
  return isSame ? before : new BlockIndex(prefixes);
}

function isSameBasis(a: Worked, b: Omit<Worked, 'policy'>): boolean {
  return (
    a.classes === b.classes &&
    a.blocks === b.blocks &&
    a.podPrefixes === b.podPrefixes &&
    a.isolates === b.isolates &&
    a.rules.length === b.rules.length &&
    a.rules.every((it, at) => it === b.rules[at])
  );
}
