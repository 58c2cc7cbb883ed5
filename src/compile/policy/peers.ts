// Everybody that a policy can mean by a selector: pods in classes that no policy of now tells apart, each with its number. Pure.

import { PEERS } from '../../base/policy-numbers.ts';
import { identitiesByKey, identityKey, identityLabels, type IdentityLabels } from '../../objects/identity.ts';
import { matchesSelector } from '../../objects/meta.ts';
import { NAMESPACE_NAME_LABEL } from '../../objects/namespace.ts';
import type { NetworkPolicy } from '../../objects/network-policy.ts';
import type { ContainerPort, Pod } from '../../objects/pod.ts';
import type { Service } from '../../objects/service.ts';
import { mentionedKeys } from '../../objects/mentioned-labels.ts';
import { CLUSTER_DNS_SERVICE } from '../service-model.ts';
import { numbersOf } from './number-of.ts';
import type { PolicyObjects } from './policy-objects.ts';
import type { PodsMatch } from './rules.ts';

/** Pods of one identity whose container ports have the same names, as far as a policy asks for them. */
export interface PeerClass extends IdentityLabels {
  /** See `PEERS`. */
  readonly number: number;
  readonly namespaceLabels: ReadonlyMap<string, string>;
  readonly namedPorts: readonly ContainerPort[];
}

/** What selectors ask for: label keys of pods, and names of ports where the other end is the pod that has them. */
export interface Mentioned {
  readonly labelKeys: ReadonlySet<string>;
  readonly portNames: ReadonlySet<string>;
}

export function mentionedBy(policies: readonly NetworkPolicy[]): Mentioned {
  const ports = policies.flatMap(({ egress = [] }) => egress.flatMap((it) => it.ports ?? []));
  const names = ports.flatMap(({ port }) => (typeof port === 'string' ? [port] : []));
  return { labelKeys: mentionedKeys(policies), portNames: new Set(names) };
}

/** A pod that policies are about: it has a network of its own, and its addresses are still its own. */
export function isPolicyPod(pod: Pod): boolean {
  return !pod.isHostNetwork && !pod.isFinished;
}

/** Canonical text of the named ports that count. */
export function portsText(ports: readonly ContainerPort[], names: ReadonlySet<string>): string {
  return namedOf(ports, names)
    .map(({ name, port, protocol }) => `${name}=${port}/${protocol}`)
    .toSorted()
    .join(',');
}

function namedOf(ports: readonly ContainerPort[], names: ReadonlySet<string>): readonly ContainerPort[] {
  return ports.filter(({ name }) => name !== undefined && names.has(name));
}

/** Who may be meant by a selector; the same index as long as no class is another one. */
export class ClassIndex {
  readonly classes: ReadonlyMap<number, PeerClass>;
  readonly #byNamespace: ReadonlyMap<string, readonly PeerClass[]>;
  readonly #matches = new WeakMap<PodsMatch, ReadonlySet<number>>();

  constructor(classes: ReadonlyMap<number, PeerClass>) {
    this.classes = classes;
    this.#byNamespace = Map.groupBy(classes.values(), (it) => it.namespace);
  }

  /** Numbers of the classes that a selector chooses. */
  matching(match: PodsMatch): ReadonlySet<number> {
    const known = this.#matches.get(match);
    if (known !== undefined) return known;
    const chosen = new Set<number>();
    for (const it of this.#candidates(match))
      if (matchesSelector(match.pods, it.labels)) chosen.add(it.number);
    this.#matches.set(match, chosen);
    return chosen;
  }

  *#candidates({ namespaces }: PodsMatch): Iterable<PeerClass> {
    if ('name' in namespaces) {
      yield* this.#byNamespace.get(namespaces.name) ?? [];
      return;
    }
    const { selector } = namespaces;
    for (const classes of this.#byNamespace.values())
      if (matchesSelector(selector, classes[0]?.namespaceLabels)) yield* classes;
  }
}

/** What a pod is, worked out once for each state of it. */
interface PodFacts {
  readonly mentioned: Mentioned;
  readonly key: string;
  readonly ports: string;
}

/** Brings pods, identities and namespaces together. */
export class PeerBook {
  readonly #facts = new WeakMap<Pod, PodFacts>();
  #numbers: ReadonlyMap<string, number> = new Map();
  #mentioned: Mentioned = { labelKeys: new Set(), portNames: new Set() };
  #variants: ReadonlyMap<string, number> = new Map();
  index = new ClassIndex(new Map());

  /** Takes in the objects of now. */
  update(objects: PolicyObjects, mentioned: Mentioned): void {
    this.#mentioned = keepIfEqual(this.#mentioned, mentioned);
    this.#numbers = identitiesByKey(objects.identities.values());
    this.#variants = this.#variantsOf(objects.pods.values());
    const classes = this.#classesOf(objects);
    const before = this.index.classes;
    const isSame =
      classes.size === before.size && [...classes].every(([number, it]) => before.get(number) === it);
    if (!isSame) this.index = new ClassIndex(classes);
  }

  /** Canonical text of what policies can tell the pod by, but for its ports. */
  keyOf(pod: Pod): string {
    return this.#factsOf(pod).key;
  }

  /** Undefined while the pod has no identity. */
  identityOf(pod: Pod): number | undefined {
    return this.#numbers.get(this.#factsOf(pod).key);
  }

  /** The number of the pod's class, of `unknownPod` while it has no identity. */
  peerOf(pod: Pod): number {
    const identity = this.identityOf(pod);
    if (identity === undefined) return PEERS.unknownPod;
    return peerNumber(identity, this.#variants.get(this.#factsOf(pod).ports) ?? 0);
  }

  /** Named ports that some policy asks for, as text: pods of one identity may differ in them. */
  #variantsOf(pods: Iterable<Pod>): ReadonlyMap<string, number> {
    const texts = new Set<string>();
    for (const pod of pods) if (isPolicyPod(pod)) texts.add(this.#factsOf(pod).ports);
    texts.delete('');
    return numbersOf(texts, VARIANTS);
  }

  #classesOf({ pods, namespaces, identities, services }: PolicyObjects): ReadonlyMap<number, PeerClass> {
    const classes = new Map<number, PeerClass>();
    const add = (number: number, of: IdentityLabels, namedPorts: readonly ContainerPort[]): void => {
      if (!classes.has(number)) classes.set(number, this.#keep({ number, ...of, namedPorts }, namespaces));
    };
    const byNumber = new Map([...identities.values()].map((it) => [it.number, it.of]));
    for (const number of this.#numbers.values()) {
      const of = byNumber.get(number);
      if (of !== undefined) add(number, of, []);
    }
    for (const pod of pods.values()) {
      const number = isPolicyPod(pod) ? this.peerOf(pod) : PEERS.unknownPod;
      const of = byNumber.get(number & IDENTITY_MASK);
      if (number !== PEERS.unknownPod && of !== undefined)
        add(number, of, namedOf(pod.ports, this.#mentioned.portNames));
    }
    const dns = services.get(CLUSTER_DNS_SERVICE);
    if (dns !== undefined) {
      const { namespace, selector = new Map<string, string>() } = dns;
      add(PEERS.clusterDns, { namespace, labels: selector }, dnsPorts(dns));
    }
    return classes;
  }

  /** The class of before where it is the same, so that an index of equal classes is the same one. */
  #keep(
    { number, namespace, labels, namedPorts }: Omit<PeerClass, 'namespaceLabels'>,
    namespaces: PolicyObjects['namespaces'],
  ): PeerClass {
    const namespaceLabels = namespaces.get(namespace)?.labels ?? new Map([[NAMESPACE_NAME_LABEL, namespace]]);
    const made = { number, namespace, namespaceLabels, labels, namedPorts };
    const before = this.index.classes.get(number);
    return before !== undefined && isSameClass(before, made) ? before : made;
  }

  #factsOf(pod: Pod): PodFacts {
    const known = this.#facts.get(pod);
    if (known?.mentioned === this.#mentioned) return known;
    const labels = identityLabels(pod.labels, this.#mentioned.labelKeys);
    const facts = {
      mentioned: this.#mentioned,
      key: identityKey({ namespace: pod.namespace, labels }),
      ports: portsText(pod.ports, this.#mentioned.portNames),
    };
    this.#facts.set(pod, facts);
    return facts;
  }
}

const IDENTITY_MASK = 0xffff;
const VARIANTS = { first: 1, count: 0x7fff };

/** Below 2^31, so that a number stays one in every notation. */
export function peerNumber(identity: number, variant: number): number {
  return identity | (variant << 16);
}

function dnsPorts({ ports }: Service): readonly ContainerPort[] {
  return ports.map(({ name, port, protocol }) => ({
    name,
    port,
    protocol,
    hostPort: undefined,
    hostIp: undefined,
  }));
}

function isSameClass(a: PeerClass, b: PeerClass): boolean {
  return (
    a.labels === b.labels &&
    isSameTexts(a.namespaceLabels, b.namespaceLabels) &&
    JSON.stringify(a.namedPorts) === JSON.stringify(b.namedPorts)
  );
}

function isSameTexts(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value));
}

/** The object of before where it says the same, so that what hangs on it stays. */
function keepIfEqual(before: Mentioned, now: Mentioned): Mentioned {
  const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
    a.size === b.size && a.isSubsetOf(b);
  return isSame(before.labelKeys, now.labelKeys) && isSame(before.portNames, now.portNames) ? before : now;
}
