// The search lists of the node's pods, for its DNS process: of those that are attached and whose objects are known. A pod that goes takes its address's
// list along, so that the next pod of that address is not taken for it.

import { messageOf } from '../base/errors.ts';
import type { Ip } from '../base/ip.ts';
import type { PodLink } from '../backends/shared-node/policy-backend.ts';
import { isClusterFirst, podSearches } from '../dns/pod-searches.ts';
import type { SearchList } from '../dns/search-lists.ts';
import type { Pod } from '../objects/pod.ts';
import { canonicalName, parseDnsName, type DnsName } from '../wire/dns/name.ts';

export interface SearchListSettings {
  readonly clusterDomain: string;
  /** Of the node's own resolv.conf, as kubelet appends them to those of a pod. */
  readonly hostSearches: () => readonly string[];
  readonly onProblem: (text: string) => void;
}

/** Makes the lists again where the links or the pods are others. */
export class SearchListPart {
  readonly #settings: SearchListSettings;
  #inputs: readonly unknown[] = [];
  #lists: readonly SearchList[] = [];

  constructor(settings: SearchListSettings) {
    this.#settings = settings;
  }

  /** The same object while neither has changed. */
  compile(links: readonly PodLink[], pods: ReadonlyMap<string, Pod>): readonly SearchList[] {
    if (this.#inputs[0] === links && this.#inputs[1] === pods) return this.#lists;
    this.#inputs = [links, pods];
    const lists = this.#listsOf(links, pods);
    if (JSON.stringify(lists) !== JSON.stringify(this.#lists)) this.#lists = lists;
    return this.#lists;
  }

  #listsOf(links: readonly PodLink[], pods: ReadonlyMap<string, Pod>): readonly SearchList[] {
    const hostSearches = this.#settings.hostSearches();
    const lists = new Map<string, { readonly searches: readonly DnsName[]; readonly ips: Ip[] }>();
    for (const { pod: owner, ips } of links) {
      const pod = owner && pods.get(owner.key);
      if (pod === undefined || pod.uid !== owner?.uid) continue;
      const searches = this.#searchesOf(pod, hostSearches);
      const key = searches.join(' ');
      const list = lists.get(key) ?? { searches, ips: [] };
      list.ips.push(...ips);
      if (searches.length > 0) lists.set(key, list);
    }
    return [...lists.values()];
  }

  /** None where the pod asks its node's nameservers, or where a domain is no name, which resolvers read each in their own way. */
  #searchesOf(pod: Pod, hostSearches: readonly string[]): readonly DnsName[] {
    if (!isClusterFirst(pod) && pod.dnsPolicy !== 'None') return [];
    const { clusterDomain, onProblem } = this.#settings;
    try {
      return podSearches(pod, { clusterDomain, hostSearches }).map((it) => canonicalName(parseDnsName(it)));
    } catch (error) {
      onProblem(`Cannot complete names for pod ${pod.namespace}/${pod.name}: ${messageOf(error)}`);
      return [];
    }
  }
}
