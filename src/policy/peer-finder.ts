// Which ends a rule's peers are, by indexes: the same question is asked for thousands of rules.

import { cidrFamily, cidrOf, parseInterfaceAddress, type Cidr } from '../base/cidr.ts';
import { familyOf, ipToBigInt, parseIp, type Family } from '../base/ip.ts';
import { matchesSelector, selectorOf, type LabelSelector, type Selector } from '../objects/meta.ts';
import { NAMESPACE_NAME_LABEL } from '../objects/namespace.ts';
import type { RawLabelSelector } from '../oracle/raw-policies.ts';
import { addBits, noBits, removeBits, setBit, type Bits } from './bits.ts';
import { cidrRange } from './cidr-range.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { ReachEnd } from './reach-end.ts';

/** Of one world and its ends; the sets that it gives belong to it and are never changed. */
export class PeerFinder {
  readonly #ends: readonly ReachEnd[];
  readonly #namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Pods by namespace, and by namespace and label ("shop app=web"). */
  readonly #index = new Map<string, number[]>();
  readonly #found = new Map<string, Bits>();
  /** Ends by address, which are all of one family. */
  readonly #sorted: readonly { readonly value: bigint; readonly at: number }[];
  readonly #family: Family;
  readonly #nodes: PolicyWorld['objects']['nodes'];

  constructor(world: PolicyWorld, ends: readonly ReachEnd[]) {
    this.#ends = ends;
    this.#nodes = world.objects.nodes;
    this.#family = familyOf(ends[0]?.ip ?? parseIp('0.0.0.0'));
    this.#sorted = ends
      .map(({ ip }, at) => ({ value: ipToBigInt(ip), at }))
      .sort((a, b) => (a.value < b.value ? -1 : 1));
    const known = new Map(world.objects.namespaces.map((it) => [it.metadata.name, it.metadata.labels ?? {}]));
    for (const { namespace } of ends) if (namespace !== '' && !known.has(namespace)) known.set(namespace, {});
    this.#namespaces = new Map(
      [...known].map(([name, labels]) => [name, { ...labels, [NAMESPACE_NAME_LABEL]: name }]),
    );
    for (const [i, { kind, namespace, labels }] of ends.entries()) {
      if (kind !== 'pod') continue;
      this.#add(namespace, i);
      for (const [key, value] of Object.entries(labels)) this.#add(`${namespace} ${key}=${value}`, i);
    }
  }

  #add(key: string, at: number): void {
    const list = this.#index.get(key);
    if (list === undefined) this.#index.set(key, [at]);
    else list.push(at);
  }

  /** Pods by labels in one namespace, or in those that a selector selects. */
  pods(where: string | RawLabelSelector, selector: RawLabelSelector): Bits {
    const key = `pods ${JSON.stringify(where)} ${JSON.stringify(selector)}`;
    return this.#once(key, (bits) => {
      const ofPods = readSelector(selector);
      for (const namespace of this.#namespacesOf(where))
        for (const at of this.#candidates(namespace, ofPods))
          if (matchesSelector(ofPods, this.#ends[at]?.labels)) setBit(bits, at);
    });
  }

  /** Whoever has an address of the block, and of none of `except`. */
  block(block: string, except: readonly string[]): Bits {
    if (except.length === 0)
      return this.#once(`block ${block}`, (bits) => this.#addBlock(bits, readBlock(block)));
    return this.#once(`block ${block} ${except.join(' ')}`, (bits) => {
      addBits(bits, this.block(block, []));
      for (const hole of except) removeBits(bits, this.block(hole, []));
    });
  }

  #addBlock(bits: Bits, cidr: Cidr): void {
    const [first, end] = cidrRange(cidr);
    const isOfFamily = this.#family === cidrFamily(cidr);
    for (let i = isOfFamily ? this.#place(first) : this.#sorted.length; i < this.#sorted.length; i++) {
      const it = this.#sorted[i];
      if (it === undefined || it.value >= end) break;
      setBit(bits, it.at);
    }
  }

  /** The place of the first address that is not less. */
  #place(value: bigint): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.value ?? value) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whoever has an address of a node that the selector selects. */
  nodes(selector: RawLabelSelector): Bits {
    return this.#once(`nodes ${JSON.stringify(selector)}`, (bits) => {
      const ofNodes = readSelector(selector);
      const chosen = this.#nodes.filter((it) => matchesSelector(ofNodes, it.metadata.labels ?? {}));
      const ips = new Set(chosen.flatMap((it) => it.status?.addresses ?? []).map((it) => it.address));
      for (const [at, { ip }] of this.#ends.entries()) if (ips.has(ip)) setBit(bits, at);
    });
  }

  #once(key: string, fill: (bits: Bits) => void): Bits {
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const bits = noBits(this.#ends.length);
    fill(bits);
    this.#found.set(key, bits);
    return bits;
  }

  #namespacesOf(where: string | RawLabelSelector): readonly string[] {
    if (typeof where === 'string') return [where];
    const selector = readSelector(where);
    return [...this.#namespaces]
      .filter(([, labels]) => matchesSelector(selector, labels))
      .map(([name]) => name);
  }

  /** All that can match: by one of the labels that must be there, where there is one. */
  #candidates(namespace: string, selector: Selector): readonly number[] {
    for (const requirement of selector) {
      if (requirement.kind !== 'in' || requirement.values.size !== 1) continue;
      const [value = ''] = requirement.values;
      return this.#index.get(`${namespace} ${requirement.key}=${value}`) ?? [];
    }
    return this.#index.get(namespace) ?? [];
  }
}

/** `null` stands for absent in what people write. */
function readSelector({ matchLabels, matchExpressions }: RawLabelSelector): Selector {
  const selector: LabelSelector = {
    matchLabels: matchLabels ?? {},
    matchExpressions: (matchExpressions ?? []).map(({ key, operator, values }) => ({
      key,
      operator,
      values: values ?? [],
    })),
  };
  return selectorOf(selector);
}

function readBlock(text: string): Cidr {
  const { ip, prefixLength } = parseInterfaceAddress(text);
  return cidrOf(ip, prefixLength);
}
