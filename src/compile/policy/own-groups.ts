// The pods of the node, in groups that are the same to policies, with the rules that are about them. Pure but for its memory.

import type { PolicyPod } from '../../model/policy.ts';
import type { PolicyDirection } from '../../objects/network-policy.ts';
import type { Pod } from '../../objects/pod.ts';
import { NumberTable } from './number-of.ts';
import { labelsOfNamespace, portsText, type PeerBook, type PodChange } from './peers.ts';
import type { PolicyObjects } from './policy-objects.ts';
import { rulesAbout, type DirectionRules, type Policies, type RuleSubject } from './rules.ts';

export interface Group {
  readonly number: number;
  readonly pod: Pod;
  readonly rules: Readonly<Record<PolicyDirection, DirectionRules>>;
}

export interface GroupedPods {
  readonly groups: ReadonlyMap<number, Group>;
  readonly pods: ReadonlyMap<string, PolicyPod>;
}

export interface GroupBasis {
  /** The pods that changed, by key; undefined for any, and where policies changed. */
  readonly changes: ReadonlyMap<string, PodChange> | undefined;
  readonly policies: Policies;
  readonly namespaces: PolicyObjects['namespaces'];
}

const SUBJECT_NUMBERS = { first: 1, count: 0x7fff_fff0 };

export class OwnGroups {
  readonly #nodeName: string;
  readonly #book: PeerBook;
  readonly #numbers = new NumberTable(SUBJECT_NUMBERS);
  #own = new Map<string, Pod>();
  #last: GroupedPods | undefined;

  constructor(nodeName: string, book: PeerBook) {
    this.#nodeName = nodeName;
    this.#book = book;
  }

  /** Of all pods that policies are about; the same object while no pod of the node changed, nor anything else. */
  update(pods: ReadonlyMap<string, Pod>, { changes, policies, namespaces }: GroupBasis): GroupedPods {
    const isOwn = (pod: Pod | undefined): boolean => pod?.node === this.#nodeName;
    if (this.#last === undefined || changes === undefined) {
      this.#own = new Map([...pods].filter(([, pod]) => isOwn(pod)));
      return (this.#last = this.#group(policies, namespaces));
    }
    const own = [...changes].filter(([, { before, after }]) => isOwn(before) || isOwn(after));
    for (const [key, { after }] of own) {
      if (after !== undefined && isOwn(after)) this.#own.set(key, after);
      else this.#own.delete(key);
    }
    return own.length === 0 ? this.#last : (this.#last = this.#group(policies, namespaces));
  }

  #group(policies: Policies, namespaces: PolicyObjects['namespaces']): GroupedPods {
    const groups = new Map<number, Group>();
    const policyPods = new Map<string, PolicyPod>();
    for (const [key, pod] of this.#own) {
      const number = this.#numbers.numberOf(subjectText(this.#book.keyOf(pod), pod));
      if (!groups.has(number))
        groups.set(number, { number, pod, rules: bothRules(policies, subjectOf(pod, namespaces)) });
      const { namespace, name, uid, ips } = pod;
      const identity = this.#book.identityOf(pod);
      policyPods.set(key, { namespace, name, uid, ips, subject: number, identity });
    }
    return { groups, pods: policyPods };
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

function subjectOf({ namespace, labels }: Pod, namespaces: PolicyObjects['namespaces']): RuleSubject {
  return { namespace, namespaceLabels: labelsOfNamespace(namespaces, namespace), labels };
}

/** Canonical: all that policies can tell this pod by. */
function subjectText(key: string, { ports }: Pod): string {
  const names = new Set(ports.flatMap((it) => it.name ?? []));
  return `${key}\n${portsText(ports, names)}`;
}
