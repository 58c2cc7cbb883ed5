// The search list of a pod, as kubelet writes it into the pod's resolv.conf. Pure.

/** What of a pod decides. */
export interface PodDnsFacts {
  readonly namespace: string;
  /** `dnsPolicy`, undefined where the pod names none. */
  readonly dnsPolicy: string | undefined;
  readonly isHostNetwork: boolean;
  /** `dnsConfig.searches`. */
  readonly dnsSearches: readonly string[];
}

export interface SearchSettings {
  readonly clusterDomain: string;
  /** Of the node's own resolv.conf. */
  readonly hostSearches: readonly string[];
}

/** The API's bounds of a search list: domains, and characters with the spaces between them. */
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

/** Whether the pod is given the cluster's nameservers and names of its namespace. */
export function isClusterFirst({ dnsPolicy, isHostNetwork }: PodDnsFacts): boolean {
  if (dnsPolicy === 'ClusterFirstWithHostNet') return true;
  return (dnsPolicy ?? 'ClusterFirst') === 'ClusterFirst' && !isHostNetwork;
}

/** Policy first, then the pod's own domains, without duplicates, within the limits. */
export function podSearches(pod: PodDnsFacts, settings: SearchSettings): readonly string[] {
  return withinLimits([...new Set([...searchesOfPolicy(pod, settings), ...pod.dnsSearches])]);
}

function searchesOfPolicy(pod: PodDnsFacts, { clusterDomain, hostSearches }: SearchSettings) {
  if (pod.dnsPolicy === 'None') return [];
  if (!isClusterFirst(pod)) return hostSearches;
  const ownNamespace = `${pod.namespace}.svc.${clusterDomain}`;
  return [ownNamespace, `svc.${clusterDomain}`, clusterDomain, ...hostSearches];
}

function withinLimits(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    if ([...kept, search].join(' ').length > MAX_SEARCH_CHARS) break;
    kept.push(search);
  }
  return kept;
}
