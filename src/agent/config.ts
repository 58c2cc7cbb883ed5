// The agent's configuration: one JSON file, read once, every absent field given its default here.

import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../base/errors.ts';
import { parseCidr, type Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import { parsePort, type Port } from '../base/port.ts';
import { DNS_ANSWER_DEFAULTS } from '../dns/config.ts';
import { SERVICE_BACKENDS } from '../backends/registry.ts';
import type { ServiceBackend } from '../backends/shared-node/service-backend.ts';
import { Field } from '../objects/slim-field.ts';
import { readIp } from '../objects/slim-meta.ts';
import { IPTABLES_FLAVOURS } from '../sys/iptables-flavour.ts';
import type { IptablesFlavour } from '../sys/iptables.ts';
import { allBpfMaps } from '../wire/bpf-maps.ts';

/** What a node's agent is told; paths are absolute. */
export interface AgentConfig {
  readonly nodeName: string;
  readonly kubeconfig: string;
  /** Sockets and what need not outlive a boot. */
  readonly runDir: string;
  /** Address leases and what the agent remembers of its node. */
  readonly stateDir: string;
  /** The node's folder in a bpffs that is mounted already. */
  readonly pinDir: string;
  /** cgroup v2 folder whose processes get Services at the socket; undefined leaves it to the per-packet programs. */
  readonly cgroupPath: string | undefined;
  /** Folder of the compiled BPF objects. */
  readonly objectDir: string;
  /** Translations of packets that the node remembers, two for a flow; undefined for what fits the machine's memory. Holds from the next boot on. */
  readonly flowEntries: number | undefined;
  /** Most entries of BPF maps that grow, by their names; those that are left out have the bounds of the table. */
  readonly mapLimits: ReadonlyMap<string, number>;
  readonly cniSocket: string;
  /** Undefined where no DNS process is fed. */
  readonly dnsSocket: string | undefined;
  /** `ttlS` and `udpPayloadBytes` of that process: the kernel answers in its stead. */
  readonly dnsTtlS: number;
  readonly dnsUdpPayloadBytes: number;
  /** Where the DNS process tells which addresses names have; undefined where no policy's domain names are learned. */
  readonly learnSocket: string | undefined;
  /** The resolv.conf that kubelet gives to pods of this node: its search domains stand at the end of theirs. */
  readonly resolvConf: string;
  /** How long an address of a name is let through after its time to live: clients use what they resolved a moment ago. */
  readonly learnedGraceMs: number;
  /** Unix socket of /status, /metrics, /healthz, /readyz and /plan. */
  readonly agentSocket: string;
  readonly network: 'vxlan';
  /** Which of the registry's Service backends carries Services. */
  readonly service: ServiceBackend;
  /** In which flavour the backends `iptables` write their rules; undefined for that of the node's program `iptables`. */
  readonly iptablesFlavour: IptablesFlavour | undefined;
  /** The link that carries the tunnel. */
  readonly underlayLink: string;
  readonly clusterDomain: string;
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  /** Cluster DNS addresses until the Service kube-system/kube-dns says others. */
  readonly dnsIps: readonly Ip[];
  /** Where the node's DNS answers beside them; empty for nowhere. */
  readonly nodeLocalDnsIps: readonly Ip[];
  /** `nodePortAddresses` of kube-proxy: empty for the node's first address of each family. */
  readonly nodePortAddresses: readonly Cidr[];
  readonly allowsExternalIps: boolean;
  /** Where /metrics and the health paths are served by TCP too; undefined for nowhere. */
  readonly metrics: { readonly host: Ip; readonly port: Port } | undefined;
  /** Where the node says of itself whether it takes traffic (`/healthz`, as kube-proxy at 10256); undefined for nowhere. */
  readonly healthPort: Port | undefined;
  /** How often the whole kernel state is observed again. */
  readonly resyncMs: number;
  readonly logLevel: string;
}

const RESYNC_DEFAULT_MS = 60_000;

/** `AgentConfig` as it stands in the file: JSON leaves out what is undefined; `underlayLink` (eth0), `network` (vxlan), `service` (the first of the registry), `iptablesFlavour` (that of the program `iptables`), `resyncMs` (60000), `nodePortAddresses` (none), `nodeLocalDnsIps` (none), `healthPort` (none), `learnSocket` (none), `dnsTtlS` and `dnsUdpPayloadBytes` (the DNS process's defaults), `learnedGraceMs` (60000), `resolvConf` (/etc/resolv.conf), `flowEntries` (by memory), `mapLimits` (none), `allowsExternalIps` (false) and `logLevel` (info) may be left out too. */
export type AgentConfigFile = Omit<
  AgentConfig,
  | 'podCidrs'
  | 'serviceCidrs'
  | 'dnsIps'
  | 'nodeLocalDnsIps'
  | 'nodePortAddresses'
  | 'allowsExternalIps'
  | 'flowEntries'
  | 'mapLimits'
  | 'metrics'
  | 'healthPort'
  | 'learnSocket'
  | 'dnsTtlS'
  | 'dnsUdpPayloadBytes'
  | 'learnedGraceMs'
  | 'resolvConf'
  | 'network'
  | 'service'
  | 'iptablesFlavour'
  | 'underlayLink'
  | 'resyncMs'
  | 'logLevel'
> & {
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly dnsIps: readonly string[];
  readonly nodeLocalDnsIps?: readonly string[];
  readonly nodePortAddresses?: readonly string[];
  readonly allowsExternalIps?: boolean;
  readonly flowEntries?: number;
  readonly mapLimits?: Readonly<Record<string, number>>;
  readonly metrics?: { readonly host: string; readonly port: number } | undefined;
  readonly healthPort?: number;
  readonly learnSocket?: string | undefined;
  readonly dnsTtlS?: number;
  readonly dnsUdpPayloadBytes?: number;
  readonly learnedGraceMs?: number;
  readonly resolvConf?: string;
  readonly network?: 'vxlan';
  readonly service?: string;
  readonly iptablesFlavour?: string | undefined;
  readonly underlayLink?: string;
  readonly resyncMs?: number;
  readonly logLevel?: string;
};

/** Throws `invalid` naming the file and the field. */
export async function readAgentConfig(file: string): Promise<AgentConfig> {
  try {
    return parseAgentConfig(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new FairleadError('invalid', `Cannot use ${file}: ${messageOf(error)}`, { cause: error });
  }
}

export function parseAgentConfig(raw: unknown): AgentConfig {
  const root = Field.root('agent configuration', raw);
  return {
    nodeName: root.at('nodeName').text(),
    kubeconfig: root.at('kubeconfig').text(),
    runDir: root.at('runDir').text(),
    stateDir: root.at('stateDir').text(),
    pinDir: root.at('pinDir').text(),
    cgroupPath: root.at('cgroupPath').optionalText(),
    objectDir: root.at('objectDir').text(),
    flowEntries: readFlowEntries(root.at('flowEntries')),
    mapLimits: readMapLimits(root.at('mapLimits')),
    cniSocket: root.at('cniSocket').text(),
    dnsSocket: root.at('dnsSocket').optionalText(),
    dnsTtlS: root.at('dnsTtlS').optionalInteger() ?? DNS_ANSWER_DEFAULTS.ttlS,
    dnsUdpPayloadBytes:
      root.at('dnsUdpPayloadBytes').optionalInteger() ?? DNS_ANSWER_DEFAULTS.udpPayloadBytes,
    learnSocket: root.at('learnSocket').optionalText(),
    learnedGraceMs: readGrace(root.at('learnedGraceMs')),
    resolvConf: root.at('resolvConf').optionalText() ?? '/etc/resolv.conf',
    agentSocket: root.at('agentSocket').text(),
    network: readNetwork(root.at('network')),
    service: readService(root.at('service')),
    iptablesFlavour: readIptablesFlavour(root.at('iptablesFlavour')),
    underlayLink: root.at('underlayLink').optionalText() ?? 'eth0',
    clusterDomain: root.at('clusterDomain').text(),
    podCidrs: root.at('podCidrs').list().map(readCidr),
    serviceCidrs: root.at('serviceCidrs').list().map(readCidr),
    dnsIps: root.at('dnsIps').list().map(readIp),
    nodeLocalDnsIps: root.at('nodeLocalDnsIps').list().map(readIp),
    nodePortAddresses: root.at('nodePortAddresses').list().map(readCidr),
    allowsExternalIps: root.at('allowsExternalIps').bool(false),
    metrics: readMetrics(root.at('metrics')),
    healthPort: root.at('healthPort').isAbsent ? undefined : root.at('healthPort').parse(parsePort),
    resyncMs: root.at('resyncMs').optionalInteger() ?? RESYNC_DEFAULT_MS,
    logLevel: root.at('logLevel').optionalText() ?? 'info',
  };
}

const [GRACE_DEFAULT_MS, GRACE_MAX_MS] = [60_000, 86_400_000];

function readGrace(field: Field): number {
  const graceMs = field.optionalInteger() ?? GRACE_DEFAULT_MS;
  return graceMs >= 0 && graceMs <= GRACE_MAX_MS ? graceMs : field.fail(`must be from 0 to ${GRACE_MAX_MS}`);
}

const ENTRIES_MAX = 1 << 24;

function readFlowEntries(field: Field): number | undefined {
  const entries = field.optionalInteger();
  if (entries === undefined || (entries >= 1024 && entries <= ENTRIES_MAX)) return entries;
  return field.fail(`must be from 1024 to ${ENTRIES_MAX}`);
}

const MAP_ENTRIES_MIN = 64;

function readMapLimits(field: Field): ReadonlyMap<string, number> {
  const growing = allBpfMaps().filter((it) => it.firstEntries !== undefined);
  const limits = field.names().map((name): readonly [string, number] => {
    const limit = field.at(name);
    const entries = limit.optionalInteger() ?? 0;
    if (!growing.some((it) => it.name === name))
      return limit.fail(`no such map that grows; there are ${growing.map((it) => it.name).join(', ')}`);
    if (entries < MAP_ENTRIES_MIN || entries > ENTRIES_MAX || !Number.isInteger(Math.log2(entries)))
      return limit.fail(`must be a power of two from ${MAP_ENTRIES_MIN} to ${ENTRIES_MAX}`);
    return [name, entries];
  });
  return new Map(limits);
}

function readNetwork(field: Field): 'vxlan' {
  return field.isAbsent || field.value === 'vxlan' ? 'vxlan' : field.fail('only "vxlan" is known');
}

function readService(field: Field): ServiceBackend {
  const [first] = SERVICE_BACKENDS;
  const name = field.optionalText() ?? first?.name;
  const found = SERVICE_BACKENDS.find((backend) => backend.name === name);
  const known = SERVICE_BACKENDS.map((backend) => `"${backend.name}"`).join(', ');
  return found ?? field.fail(`no such Service backend; known are ${known}`);
}

function readIptablesFlavour(field: Field): IptablesFlavour | undefined {
  if (field.isAbsent) return undefined;
  const found = IPTABLES_FLAVOURS.find((it) => it === field.value);
  return found ?? field.fail(`must be one of ${IPTABLES_FLAVOURS.map((it) => `"${it}"`).join(', ')}`);
}

function readCidr(field: Field): Cidr {
  return field.parse((value) => parseCidr(typeof value === 'string' ? value : String(value)));
}

function readMetrics(field: Field): AgentConfig['metrics'] {
  if (field.isAbsent) return undefined;
  return { host: readIp(field.at('host')), port: field.at('port').parse(parsePort) };
}
