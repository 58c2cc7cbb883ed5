// Whose search list is which: the pods of this node by their addresses. What is asked under the first domain of a list goes on under the others.

import type { Ip } from '../base/ip.ts';
import { MAX_NAME_BYTES } from '../wire/dns/constants.ts';
import { labelsOf, type DnsName } from '../wire/dns/name.ts';

/** Pods of one list, by their addresses. */
export interface SearchList {
  /** In lower case, in the order in which a resolver tries them. */
  readonly searches: readonly DnsName[];
  readonly ips: readonly Ip[];
}

type Labels = readonly string[];

export class SearchLists {
  #byIp: ReadonlyMap<string, readonly Labels[]> = new Map();
  #isKnown = false;

  /** False until somebody has said which pods there are. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Makes these the lists of now. */
  replace(lists: readonly SearchList[]): void {
    const byIp = new Map<string, readonly Labels[]>();
    for (const { searches, ips } of lists) {
      const domains = searches.map(labelsOf);
      for (const ip of ips) byIp.set(ip, domains);
    }
    this.#byIp = byIp;
    this.#isKnown = true;
  }

  has(client: string): boolean {
    return this.#byIp.has(client);
  }

  /** The client's domains, none where nothing is completed for it. */
  listOf(client: string): readonly Labels[] {
    return this.#byIp.get(client) ?? [];
  }

  /** Whether the name lies below one of the client's domains. */
  isSearch(client: string, labels: Labels): boolean {
    return this.listOf(client).some((domain) => isBelow(labels, domain));
  }

  /**
   * The names that the client's resolver would ask for after this one, in order, the name without any domain last; undefined where this is not the
   * first of such a chain.
   */
  chainOf(client: string, labels: Labels): readonly Labels[] | undefined {
    const [first, ...others] = this.listOf(client);
    if (first === undefined || !isBelow(labels, first)) return undefined;
    const base = labels.slice(0, labels.length - first.length);
    return [...others, []].map((domain) => [...base, ...domain]).filter(isShortEnough);
  }
}

/** Below the root every name lies, and none is searched there. */
function isBelow(labels: Labels, domain: Labels): boolean {
  const length = labels.length - domain.length;
  return domain.length > 0 && length > 0 && domain.every((label, i) => labels[length + i] === label);
}

function isShortEnough(labels: Labels): boolean {
  return labels.reduce((bytes, label) => bytes + label.length + 1, 1) <= MAX_NAME_BYTES;
}
