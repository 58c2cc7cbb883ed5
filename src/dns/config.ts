// The configuration of the DNS process: one JSON file, read once, every absent field given its default here.

import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../base/errors.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import { parsePort, type Port } from '../base/port.ts';
import { canonicalName, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { parseCache, type CacheFile, type CacheSettings } from './cache-config.ts';
import { ConfigFields } from './config-fields.ts';
import { parseForward, type ForwardZone, type ForwardZoneFile } from './forward-config.ts';
import { parseOverrides, type OverrideZone, type OverrideZoneFile } from './override-config.ts';
import { parseQueryLog, type QueryLogZone, type QueryLogZoneFile } from './query-log-config.ts';
import type { ServerAddress } from './udp-server.ts';
import { upstreamText } from './upstream.ts';

export interface DnsConfig {
  /** Cluster DNS addresses; bound as soon as they exist in the process's network namespace. */
  readonly listen: readonly Ip[];
  readonly port: Port;
  /** Where the last zone is kept. */
  readonly zoneFile: string;
  /** Unix socket on which the agent publishes the zone. */
  readonly feedSocket: string;
  /** Unix socket on which the agent learns addresses of names; undefined where nobody does. */
  readonly learnSocket: string | undefined;
  /** Most specific zone first, the root last. */
  readonly forward: readonly ForwardZone[];
  readonly resolvConf: string;
  /** Most specific zone first. */
  readonly overrides: readonly OverrideZone[];
  /** Most specific zone first; none logs nothing. */
  readonly queryLog: readonly QueryLogZone[];
  readonly clusterDomain: DnsName;
  readonly pods: PodNames;
  readonly ttlS: number;
  readonly cache: CacheSettings;
  readonly udpPayloadBytes: number;
  readonly tryTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxInFlight: number;
  readonly maxInFlightPerClient: number;
  /** Where /metrics, /healthz and /readyz are served; undefined for nowhere. */
  readonly metrics: ServerAddress | undefined;
  readonly logLevel: string;
}

/** Names of pods by their addresses (1-2-3-4.namespace.pod.<domain>), in CoreDNS's words: any address has one, as the specification asks for, or none has. */
const POD_NAMES = ['insecure', 'disabled'] as const;
export type PodNames = (typeof POD_NAMES)[number];

/** What the agent has to know of answers, too: it has the kernel give the same. */
export const DNS_ANSWER_DEFAULTS = { ttlS: 5, udpPayloadBytes: 1232 } as const;

/** The file as people write it; everything but the first four fields may be left out. */
export interface DnsConfigFile {
  readonly listen: readonly string[];
  readonly zoneFile: string;
  readonly feedSocket: string;
  readonly clusterDomain: string;
  /** None. */
  readonly learnSocket?: string;
  /** 53. */
  readonly port?: number;
  /** The upstreams of every name that no zone of `forward` has: 'host' (the default), or addresses as there. */
  readonly upstreams?: ForwardZoneFile['upstreams'];
  /** Stub zones; the root among them instead of `upstreams` where it has options. None. */
  readonly forward?: readonly ForwardZoneFile[];
  /** Hosts lines and names that are asked for under others, by zone. None. */
  readonly overrides?: readonly OverrideZoneFile[];
  /** Answers that are written down, by zone. None. */
  readonly queryLog?: readonly QueryLogZoneFile[];
  /** /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** 'insecure'. */
  readonly pods?: PodNames;
  /** Seconds that cluster names may be kept by clients: 5. */
  readonly ttlS?: number;
  readonly cache?: CacheFile;
  /** 1232, the size that passes unfragmented everywhere. */
  readonly udpPayloadBytes?: number;
  /** 2000. */
  readonly tryTimeoutMs?: number;
  /** 5000. */
  readonly totalTimeoutMs?: number;
  /** Questions on their way upstream: 512 in all, 64 of one client. */
  readonly maxInFlight?: number;
  readonly maxInFlightPerClient?: number;
  /** Undefined serves no metrics. */
  readonly metricsPort?: number;
  /** 127.0.0.1. */
  readonly metricsAddress?: string;
  /** "info". */
  readonly logLevel?: string;
}

export async function readDnsConfig(path: string): Promise<DnsConfig> {
  try {
    return parseDnsConfig(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read configuration ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Throws `invalid` naming the field. */
export function parseDnsConfig(value: unknown): DnsConfig {
  const fields = new ConfigFields(value);
  const listen = fields.parsedList('listen', parseIp);
  if (listen.length === 0) throw fields.bad('listen', 'no address');
  const port = parsePort(fields.number('port', 53, [1, 65_535]));
  const forward = parseForward(fields);
  refuseOurselves(fields, forward, { listen, port });
  return {
    listen,
    port,
    zoneFile: fields.text('zoneFile'),
    feedSocket: fields.text('feedSocket'),
    learnSocket: fields.has('learnSocket') ? fields.text('learnSocket') : undefined,
    forward,
    overrides: parseOverrides(fields),
    queryLog: parseQueryLog(fields),
    resolvConf: fields.text('resolvConf', '/etc/resolv.conf'),
    clusterDomain: canonicalName(fields.parsed('clusterDomain', parseDnsName)),
    pods: fields.oneOf('pods', POD_NAMES),
    ttlS: fields.number('ttlS', DNS_ANSWER_DEFAULTS.ttlS, [0, 3600]),
    cache: parseCache(fields.object('cache')),
    udpPayloadBytes: fields.number('udpPayloadBytes', DNS_ANSWER_DEFAULTS.udpPayloadBytes, [512, 4096]),
    tryTimeoutMs: fields.number('tryTimeoutMs', 2000, [10, 60_000]),
    totalTimeoutMs: fields.number('totalTimeoutMs', 5000, [10, 120_000]),
    maxInFlight: fields.number('maxInFlight', 512, [1, 10_000]),
    maxInFlightPerClient: fields.number('maxInFlightPerClient', 64, [1, 10_000]),
    metrics: fields.has('metricsPort')
      ? {
          ip: fields.parsed('metricsAddress', parseIp, '127.0.0.1'),
          port: parsePort(fields.number('metricsPort', 0, [1, 65_535])),
        }
      : undefined,
    logLevel: fields.text('logLevel', 'info'),
  };
}

/** A resolver that asks itself never ends. */
export function refuseOurselves(
  fields: ConfigFields,
  forward: readonly ForwardZone[],
  { listen, port }: Pick<DnsConfig, 'listen' | 'port'>,
): void {
  for (const { zone, upstreams } of forward) {
    const own =
      upstreams === 'host' ? undefined : upstreams.find((it) => it.port === port && listen.includes(it.ip));
    if (own === undefined) continue;
    const because = `upstream ${upstreamText(own)} of zone "${zone}" is an address of this process itself`;
    throw fields.bad('forward', because);
  }
}
