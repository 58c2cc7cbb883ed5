// Objects -> what policies mean for the pods of one node, again and again. What it gives depends on the objects of now alone; what it remembers only
// saves work (a property test holds a compiler with a past equal to a new one).

import { cidrHasIp, hostCidr, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
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
  keepIfEqual,
  labelsOfNamespace,
  mentionedBy,
  PeerBook,
  portsText,
  type ClassIndex,
  type Mentioned,
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
  readonly podPrefixes: readonly Cidr[];
  readonly policy: DirectionPolicy;
}

/** What can be other than at the compilation before. */
export interface PolicyChanges {
  /** NetworkPolicies or ClusterNetworkPolicies. */
  readonly policies: boolean;
  /** Pods, namespaces, nodes, identities, the Service of the cluster's DNS. */
  readonly peers: boolean;
}

const SUBJECT_NUMBERS = { first: 1, count: 0x7fff_fff0 };

export class PolicyCompiler {
  readonly #settings: PolicySettings;
  readonly #book = new PeerBook();
  readonly #subjectNumbers = new NumberTable(SUBJECT_NUMBERS);
  readonly #ruleSets = new RuleSetTable();
  #mentioned: Mentioned = { labelKeys: new Set(), portNames: new Set() };
  #blocks = new BlockIndex([]);
  #podPrefixes: readonly Cidr[] = [];
  /** Addresses that lie in the wide prefixes, to be looked at once. */
  #inside: { readonly of: string; readonly ips: Set<Ip> } = { of: '', ips: new Set() };
  #known: NodePolicies['addresses'] | undefined;
  #worked = new Map<string, Worked>();

  constructor(settings: PolicySettings) {
    this.#settings = settings;
  }

  /** `changes` since the call before, undefined for any. */
  compile(objects: PolicyObjects, changes?: PolicyChanges): NodePolicies {
    const mentioned =
      changes?.policies === false ? this.#mentioned : keepIfEqual(this.#mentioned, mentionedBy(objects));
    const hasPeers = changes !== undefined && !changes.peers && mentioned === this.#mentioned;
    this.#mentioned = mentioned;
    if (!hasPeers) {
      this.#book.update(objects, mentioned);
      this.#podPrefixes = this.#findPodPrefixes(objects);
    }
    const { groups, pods } = this.#groupPods(objects);
    const blocks = keepBlocks(this.#blocks, groups.values());
    if (!hasPeers || blocks !== this.#blocks || this.#known === undefined)
      this.#known = this.#addresses(objects, blocks);
    this.#blocks = blocks;
    const subjects = this.#subjects(groups.values());
    return { pods, subjects, addresses: this.#known, ruleSets: this.#usedRuleSets(subjects.values()) };
  }

  #subjects(groups: Iterable<Group>): ReadonlyMap<number, PolicySubject> {
    const worked = new Map<string, Worked>();
    const subjects = new Map<number, PolicySubject>();
    for (const group of groups) {
      const [ingress, egress] = (['ingress', 'egress'] as const).map((it) => this.#work(group, it, worked));
      subjects.set(group.number, { ingress, egress });
    }
    this.#worked = worked;
    return subjects;
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
    worked: Map<string, Worked>,
  ): DirectionPolicy | undefined {
    const own = rules[direction];
    if (isOpen(own)) return undefined;
    const key = `${number} ${direction}`;
    const basis = {
      isolates: own.isolating.length > 0,
      rules: [...own.admin, ...own.rules, ...own.baseline],
      classes: this.#book.index,
      blocks: this.#blocks,
      podPrefixes: this.#podPrefixes,
    };
    const before = this.#worked.get(key);
    const policy =
      before !== undefined && isSameBasis(before, basis)
        ? before.policy
        : compileDirection({
            ...basis,
            direction,
            rules: own,
            ownPorts: pod.ports,
            numberOf: (ports) => this.#ruleSets.numberOf(ports),
          });
    worked.set(key, { ...basis, policy });
    return policy;
  }

  /** Prefixes that pods have addresses of: the cluster's, and single ones that lie elsewhere. The same list while it says the same. */
  #findPodPrefixes({ pods, nodes }: PolicyObjects): readonly Cidr[] {
    const wide = [
      ...new Set([...this.#settings.cluster.podCidrs, ...[...nodes.values()].flatMap((it) => it.podCidrs)]),
    ];
    if (wide.join() !== this.#inside.of) this.#inside = { of: wide.join(), ips: new Set() };
    const { ips: inside } = this.#inside;
    const prefixes = new Set(wide);
    for (const ip of [...pods.values()].filter(isPolicyPod).flatMap((it) => it.ips)) {
      if (inside.has(ip)) continue;
      if (wide.some((it) => cidrHasIp(it, ip))) inside.add(ip);
      else prefixes.add(hostCidr(ip));
    }
    const now = [...prefixes].toSorted();
    return now.join() === this.#podPrefixes.join() ? this.#podPrefixes : now;
  }

  #addresses({ pods, nodes }: PolicyObjects, blocks: BlockIndex): NodePolicies['addresses'] {
    const own = nodes.get(this.#settings.nodeName)?.addresses ?? [];
    const fixed = {
      podPrefixes: this.#podPrefixes,
      ownNode: own.map(hostCidr),
      nodes: this.#otherNodes(nodes),
      clusterDns: this.#settings.cluster.dnsIps.map(hostCidr),
    };
    return addressesOf(pods.values(), fixed, { book: this.#book, blocks });
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
