// What the programs at pods' links are to answer of the cluster's names: the very bytes of the DNS process, so its own code prepares them.

import { Counter } from 'prom-client';
import type { PolicyView } from '../backends/shared-node/policy-backend.ts';
import type { NodeBpf } from '../backends/shared-bpf/node-bpf.ts';
import type { KernelNames } from '../backends/dns-ebpf/render.ts';
import type { Ip } from '../base/ip.ts';
import { parseDnsConfig, type DnsConfig } from '../dns/config.ts';
import { applyCorefile } from '../dns/corefile/apply-corefile.ts';
import { logsAnswersOf } from '../dns/query-log-config.ts';
import { prepareZoneAnswer, type ZoneSettings } from '../dns/zone-answer.ts';
import type { NodeView } from '../model/network.ts';
import type { PacketReasonName } from '../wire/bpf-maps-reasons.ts';
import { CLASS_IN, TYPE } from '../wire/dns/constants.ts';
import { canonicalName, nameToBytes, parseDnsName } from '../wire/dns/name.ts';
import type { AgentContext } from './agent-context.ts';
import type { AgentView } from './agent-view.ts';
import type { AgentConfig } from './config.ts';

/** Of one line with the DNS process's configuration. */
export type KernelNamesConfig = Pick<
  AgentConfig,
  'clusterDomain' | 'dnsSocket' | 'dnsTtlS' | 'dnsUdpPayloadBytes' | 'nodeLocalDnsIps'
>;

/** Of a view. */
export interface NamesView extends Pick<AgentView, 'names' | 'namesRevision' | 'corefile'> {
  readonly policies: Pick<PolicyView, 'names'> | undefined;
  readonly services: { readonly cluster: Pick<NodeView['cluster'], 'dnsIps'> } | undefined;
}

/**
 * Undefined while names, who may not ask for them, or how the cluster wants them answered are not known. Without a DNS process there is none to answer in the stead of, and where
 * a Corefile has hosts lines and rules in front of the zone it alone knows the answer, and where answers are logged it alone writes them down: then what was answered before is no longer.
 */
export function kernelNames(config: KernelNamesConfig): (view: NamesView) => KernelNames | undefined {
  const domain = canonicalName(parseDnsName(config.clusterDomain));
  const ttlOf = corefileTtl(config);
  const domainBytes = nameToBytes(domain).length;
  const isOurs = config.dnsSocket !== undefined;
  let made: { readonly of: readonly unknown[]; readonly names: KernelNames } | undefined;
  return ({ names, namesRevision, policies, services, corefile }) => {
    const of = [names, namesRevision, policies?.names, services?.cluster.dnsIps, corefile];
    if (made !== undefined && made.of.every((it, at) => it === of[at])) return made.names;
    const isKnown =
      names !== undefined && policies !== undefined && services !== undefined && corefile !== undefined;
    if (isOurs && !isKnown) return undefined;
    const plainTtlS = corefile && ttlOf(corefile.text, services?.cluster.dnsIps ?? []);
    const ttlS = plainTtlS ?? config.dnsTtlS;
    const soa = soaBehindDomain({ domain, serverIps: [], ttlS }, namesRevision);
    const shared = { ttlS, udpPayloadBytes: config.dnsUdpPayloadBytes, domainBytes, soa };
    const known =
      isOurs && isKnown && plainTtlS !== undefined
        ? {
            zone: names,
            patterns: policies.names,
            serverIps: [...services.cluster.dnsIps, ...config.nodeLocalDnsIps],
          }
        : NOTHING;
    made = { of, names: { ...known, domain, shared } };
    return made.names;
  };
}

/** How long names of the cluster may be kept where the DNS process answers them from the zone alone; undefined where it does not, or may not, since a Corefile of before is in force. */
function corefileTtl(
  config: KernelNamesConfig,
): (text: string | undefined, listen: readonly Ip[]) => number | undefined {
  let last: { readonly of: readonly unknown[]; readonly ttlS: number | undefined } | undefined;
  return (text, listen) => {
    if (text === undefined || listen.length === 0) return config.dnsTtlS;
    const of = [text, listen];
    if (last !== undefined && last.of.every((it, at) => it === of[at])) return last.ttlS;
    const { clusterDomain, dnsTtlS } = config;
    const own = { listen, zoneFile: '-', feedSocket: '-', clusterDomain, ttlS: dnsTtlS };
    const applied = applyCorefile(parseDnsConfig(own), text);
    const isPlain = applied.kind === 'taken' && isLeftToKernel(applied.config);
    last = { of, ttlS: isPlain ? applied.config.ttlS : undefined };
    return last.ttlS;
  };
}

/** What is answered here, no line of hosts changes, and nobody writes down. */
function isLeftToKernel({ overrides, queryLog, clusterDomain }: DnsConfig): boolean {
  return overrides.length === 0 && !logsAnswersOf(clusterDomain, queryLog);
}

const NOTHING = { zone: { prefixes: [], entries: new Map() }, patterns: [], serverIps: [] } as const;

/** Where the domain is the question, every name in the record ends with a pointer to it. */
function soaBehindDomain(settings: ZoneSettings, serial: number): Uint8Array {
  const question = { name: settings.domain, typeCode: TYPE.A, classCode: CLASS_IN };
  const nothing = { kind: 'name', apex: settings.domain, records: [], targets: new Map() } as const;
  return prepareZoneAnswer(question, nothing, settings, serial).body;
}

const RESULTS: ReadonlyMap<PacketReasonName, string> = new Map([
  ['name-answered', 'addresses'],
  ['name-no-data', 'no-data'],
]);

/** Beside what the DNS process counts: these never reach it. */
export function reportKernelAnswers({ metrics }: AgentContext, bpf: Pick<NodeBpf, 'counters'>): void {
  new Counter({
    name: 'fairlead_dns_kernel_answers_total',
    help: 'Questions for names of the cluster that the BPF programs at pods answered, by result',
    labelNames: ['result'],
    registers: [metrics],
    collect() {
      this.reset();
      for (const { reason, packets } of bpf.counters()) {
        const result = RESULTS.get(reason);
        if (result !== undefined) this.inc({ result }, Number(packets));
      }
    },
  });
}
