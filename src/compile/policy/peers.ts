// Everybody that a policy can mean by a selector: pods in classes that no policy of now tells apart, each with its number. Pure.

import { PEERS } from '../../base/policy-numbers.ts';
import { identitiesByKey, identityKey, identityLabels, type IdentityLabels } from '../../objects/identity.ts';
import { matchesSelector, type Selector } from '../../objects/meta.ts';
import { NAMESPACE_NAME_LABEL } from '../../objects/namespace.ts';
import type { ContainerPort, Pod } from '../../objects/pod.ts';
import type { Service } from '../../objects/service.ts';
import { mentionedKeys } from '../../objects/mentioned-labels.ts';
import { CLUSTER_DNS_SERVICE } from '../service-model.ts';
import { numbersOf } from './number-of.ts';
import type { PolicyObjects } from './policy-objects.ts';
import type { NodesMatch, PodsMatch } from './rules.ts';

/** Pods of one identity whose container ports have the same names, as far as a policy asks for them. */
export interface PeerClass extends IdentityLabels {
  /** See `PEERS`. */
  readonly number: number;
  readonly namespaceLabels: ReadonlyMap<string, string>;
  readonly namedPorts: readonly ContainerPort[];
}

/** A node as a peer: whatever address it has. */
export interface NodeClass {
  readonly number: number;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** What selectors ask for: label keys of pods, and names of ports where the other end is the pod that has them. */
export interface Mentioned {
  readonly labelKeys: ReadonlySet<string>;
  readonly portNames: ReadonlySet<string>;
}

export function mentionedBy({
  networkPolicies,
  clusterNetworkPolicies,
}: Pick<PolicyObjects, 'networkPolicies' | 'clusterNetworkPolicies'>): Mentioned {
  const [own, cluster] = [[...networkPolicies.values()], [...clusterNetworkPolicies.values()]];
  const ports = own.flatMap(({ egress = [] }) => egress.flatMap((it) => it.ports ?? []));
  const names = ports.flatMap(({ port }) => (typeof port === 'string' ? [port] : []));
  const clusterPorts = cluster.flatMap(({ egress }) => egress.flatMap((it) => it.ports ?? []));
  const clusterNames = clusterPorts.flatMap((it) => (it.kind === 'name' ? [it.name] : []));
  return { labelKeys: mentionedKeys(own, cluster), portNames: new Set([...names, ...clusterNames]) };
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
  readonly #nodes: ReadonlyMap<number, NodeClass>;
  readonly #byNamespace: ReadonlyMap<string, readonly PeerClass[]>;
  readonly #matches = new WeakMap<PodsMatch | NodesMatch, ReadonlySet<number>>();

  constructor(classes: ReadonlyMap<number, PeerClass>, nodes: ReadonlyMap<number, NodeClass>) {
    this.classes = classes;
    this.#nodes = nodes;
    this.#byNamespace = Map.groupBy(classes.values(), (it) => it.namespace);
  }

  /** Numbers of the classes, or nodes, that a selector chooses. */
  matching(match: PodsMatch | NodesMatch): ReadonlySet<number> {
    const known = this.#matches.get(match);
    if (known !== undefined) return known;
    const chosen =
      match.kind === 'nodes'
        ? numbersMatching(this.#nodes.values(), match.nodes)
        : numbersMatching(this.#candidates(match), match.pods);
    this.#matches.set(match, chosen);
    return chosen;
  }

  /** Undefined for a node that is not known. */
  nodeNumber(name: string): number | undefined {
    for (const it of this.#nodes.values()) if (it.name === name) return it.number;
    return undefined;
  }

  /** Whether both mean the same. */
  isOf(classes: ReadonlyMap<number, PeerClass>, nodes: ReadonlyMap<number, NodeClass>): boolean {
    return isSameMap(this.classes, classes) && isSameMap(this.#nodes, nodes);
  }

  /** What is known of a node by its number, to be kept where it is the same. */
  nodeOf(number: number): NodeClass | undefined {
    return this.#nodes.get(number);
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

function numbersMatching(
  among: Iterable<{ readonly number: number; readonly labels: ReadonlyMap<string, string> }>,
  selector: Selector,
): ReadonlySet<number> {
  const chosen = new Set<number>();
  for (const it of among) if (matchesSelector(selector, it.labels)) chosen.add(it.number);
  return chosen;
}

function isSameMap<T>(a: ReadonlyMap<number, T>, b: ReadonlyMap<number, T>): boolean {
  return a.size === b.size && [...a].every(([number, it]) => b.get(number) === it);
}

/** A pod that policies are about, as it was and as it is; undefined for none. */
export interface PodChange {
  readonly before: Pod | undefined;
  readonly after: Pod | undefined;
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
  /** How many pods have named ports of a text, and a number. */
  readonly #texts = new Map<string, number>();
  readonly #pods = new Map<number, number>();
  index = new ClassIndex(new Map(), new Map());

  /** Takes in the objects of now. */
  update(objects: PolicyObjects, mentioned: Mentioned): void {
    this.#mentioned = mentioned;
    this.#numbers = identitiesByKey(objects.identities.values());
    this.#count(objects.pods.values());
    const classes = this.#classesOf(objects);
    const nodes = nodeClasses(objects.nodes, this.index);
    if (!this.index.isOf(classes, nodes)) this.index = new ClassIndex(classes, nodes);
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

  /** Takes in single pods; false where that makes other classes: then all has to be taken in anew. */
  follow(changes: Iterable<PodChange>): boolean {
    const [texts, pods] = [new Map<string, number>(), new Map<number, number>()];
    const note = (pod: Pod | undefined, by: number): void => {
      if (pod === undefined) return;
      addTo(texts, this.#factsOf(pod).ports, by);
      addTo(pods, this.peerOf(pod), by);
    };
    for (const { before, after } of changes) {
      note(before, -1);
      note(after, 1);
    }
    // Pods that nobody knows are of no class.
    pods.delete(PEERS.unknownPod);
    if (comesOrGoes(this.#texts, texts) || comesOrGoes(this.#pods, pods)) return false;
    for (const [text, by] of texts) addTo(this.#texts, text, by);
    for (const [number, by] of pods) addTo(this.#pods, number, by);
    return true;
  }

  /** Named ports that some policy asks for, as text: pods of one identity may differ in them. */
  #count(all: Iterable<Pod>): void {
    const pods = [...all].filter(isPolicyPod);
    this.#texts.clear();
    for (const pod of pods) addTo(this.#texts, this.#factsOf(pod).ports, 1);
    this.#variants = numbersOf(
      [...this.#texts.keys()].filter((it) => it !== ''),
      VARIANTS,
    );
    this.#pods.clear();
    for (const pod of pods) addTo(this.#pods, this.peerOf(pod), 1);
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
    const namespaceLabels = labelsOfNamespace(namespaces, namespace);
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

function addTo<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** True where something that was not there comes, or the last of something goes. */
function comesOrGoes<K>(counts: ReadonlyMap<K, number>, changes: ReadonlyMap<K, number>): boolean {
  return [...changes].some(([key, by]) => {
    const before = counts.get(key) ?? 0;
    return before > 0 !== before + by > 0;
  });
}

/** Numbers from `FIRST_NODE` up; the label maps of before where they say the same. */
function nodeClasses(nodes: PolicyObjects['nodes'], before: ClassIndex): ReadonlyMap<number, NodeClass> {
  const classes = new Map<number, NodeClass>();
  for (const [name, number] of numbersOf(nodes.keys(), NODE_NUMBERS)) {
    const labels = nodes.get(name)?.labels ?? new Map<string, string>();
    const known = before.nodeOf(number);
    const isSame = known?.name === name && isSameTexts(known.labels, labels);
    classes.set(number, isSame ? known : { number, name, labels });
  }
  return classes;
}

const NODE_NUMBERS = { first: PEERS.firstNode, count: 0x1fff_fff0 };
const IDENTITY_MASK = 0xffff;
const VARIANTS = { first: 1, count: 0x3fff };

/** Below the numbers of nodes. */
export function peerNumber(identity: number, variant: number): number {
  return identity | (variant << 16);
}

/** One that is not known has its name. */
export function labelsOfNamespace(
  namespaces: PolicyObjects['namespaces'],
  name: string,
): ReadonlyMap<string, string> {
  return namespaces.get(name)?.labels ?? new Map([[NAMESPACE_NAME_LABEL, name]]);
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
export function keepIfEqual(before: Mentioned, now: Mentioned): Mentioned {
  const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
    a.size === b.size && a.isSubsetOf(b);
  return isSame(before.labelKeys, now.labelKeys) && isSame(before.portNames, now.portNames) ? before : now;
}
