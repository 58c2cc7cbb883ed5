// The resolv.conf of a pod, as kubelet writes it for each dnsPolicy and dnsConfig. Pure text.

import type { Pod } from '../objects/api-types.ts';

export interface DnsSettings {
  readonly clusterDomain: string;
  readonly dnsIps: readonly string[];
  /** The node's own resolv.conf. */
  readonly host: ResolvConf;
}

export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** glibc uses no more (resolv.conf(5)); the API allows 32 search domains of 2048 characters in all. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

/** Reads what matters of a resolv.conf; the last search line wins, as in glibc. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (key === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (key === 'search' || key === 'domain') searches = values;
    if (key === 'options') options = values;
  }
  return { nameservers, searches, options };
}

export function formatResolvConf(conf: ResolvConf): string {
  const lines = [
    ...(conf.searches.length > 0 ? [`search ${conf.searches.join(' ')}`] : []),
    ...conf.nameservers.map((it) => `nameserver ${it}`),
    ...(conf.options.length > 0 ? [`options ${conf.options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The pod's own configuration: policy first, then `dnsConfig` merged into it, then the limits. */
export function podResolvConf(pod: Pod, settings: DnsSettings): ResolvConf {
  const base = baseOf(pod, settings);
  const config = pod.spec?.dnsConfig;
  const options = mergeOptions(
    base.options,
    (config?.options ?? []).map((it) => optionText(it.name, it.value)),
  );
  return {
    nameservers: unique([...base.nameservers, ...(config?.nameservers ?? [])]).slice(0, MAX_NAMESERVERS),
    searches: withinLimits(unique([...base.searches, ...(config?.searches ?? [])])),
    options,
  };
}

function baseOf(pod: Pod, settings: DnsSettings): ResolvConf {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  const isHostNetwork = pod.spec?.hostNetwork === true;
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const isCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !isHostNetwork);
  if (!isCluster || settings.dnsIps.length === 0) return settings.host;
  const namespace = pod.metadata?.namespace ?? 'default';
  const domain = settings.clusterDomain;
  return {
    nameservers: settings.dnsIps,
    searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...settings.host.searches],
    options: ['ndots:5'],
  };
}

function optionText(name: string | undefined, value: string | undefined): string {
  return value === undefined || value === '' ? (name ?? '') : `${name ?? ''}:${value}`;
}

/** A later option of the same name replaces an earlier one. */
function mergeOptions(base: readonly string[], more: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...more]) byName.set(option.split(':')[0] ?? option, option);
  return [...byName.values()];
}

function withinLimits(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    if ([...kept, search].join(' ').length > MAX_SEARCH_CHARS) break;
    kept.push(search);
  }
  return kept;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
