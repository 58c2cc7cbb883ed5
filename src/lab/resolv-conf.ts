// The resolv.conf of a pod, as kubelet writes it for each dnsPolicy and dnsConfig. Pure text.

import { parseSearches } from '../dns/resolv-conf.ts';
import { isClusterFirst, podSearches, type PodDnsFacts } from '../dns/pod-searches.ts';
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

/** glibc uses no more (resolv.conf(5)). */
const MAX_NAMESERVERS = 3;

/** Reads what matters of a resolv.conf. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (key === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (key === 'options') options = values;
  }
  return { nameservers, searches: parseSearches(text), options };
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
  const facts = dnsFactsOf(pod, settings);
  const base = baseOf(facts, settings);
  const config = pod.spec?.dnsConfig;
  const options = mergeOptions(
    base.options,
    (config?.options ?? []).map((it) => optionText(it.name, it.value)),
  );
  const { clusterDomain, host } = settings;
  return {
    nameservers: unique([...base.nameservers, ...(config?.nameservers ?? [])]).slice(0, MAX_NAMESERVERS),
    searches: podSearches(facts, { clusterDomain, hostSearches: host.searches }),
    options,
  };
}

/** Without a cluster DNS every pod has the node's. */
function dnsFactsOf({ metadata, spec }: Pod, { dnsIps }: DnsSettings): PodDnsFacts {
  const dnsPolicy = spec?.dnsPolicy;
  return {
    namespace: metadata?.namespace ?? 'default',
    dnsPolicy: dnsIps.length === 0 && dnsPolicy !== 'None' ? 'Default' : dnsPolicy,
    isHostNetwork: spec?.hostNetwork === true,
    dnsSearches: spec?.dnsConfig?.searches ?? [],
  };
}

function baseOf(facts: PodDnsFacts, { dnsIps, host }: DnsSettings): Omit<ResolvConf, 'searches'> {
  if (facts.dnsPolicy === 'None') return { nameservers: [], options: [] };
  return isClusterFirst(facts) ? { nameservers: dnsIps, options: ['ndots:5'] } : host;
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

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
