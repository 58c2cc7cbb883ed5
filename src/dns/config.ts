// The configuration of the DNS process: one JSON file, read once, every absent field given its default here.

import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../base/errors.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import { parsePort, type Port } from '../base/port.ts';
import { canonicalName, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { recordOf } from './zone-json.ts';
import type { ServerAddress } from './udp-server.ts';

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
  /** 'host': the nameservers of `resolvConf`, read again when it changes. */
  readonly upstreams: 'host' | readonly ServerAddress[];
  readonly resolvConf: string;
  readonly clusterDomain: DnsName;
  readonly ttlS: number;
  readonly cacheBytes: number;
  readonly udpPayloadBytes: number;
  readonly tryTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxInFlight: number;
  readonly maxInFlightPerClient: number;
  /** Where /metrics, /healthz and /readyz are served; undefined for nowhere. */
  readonly metrics: ServerAddress | undefined;
  readonly logLevel: string;
}

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
  /** 'host', or addresses as "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53". Default 'host'. */
  readonly upstreams?: 'host' | readonly string[];
  /** /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** Seconds that cluster names may be kept by clients: 5. */
  readonly ttlS?: number;
  /** 8 MiB. */
  readonly cacheBytes?: number;
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
  const raw = recordOf(value, 'configuration');
  const number = numberReader(raw);
  const listen = textList(raw, 'listen').map(parseIp);
  if (listen.length === 0) throw bad('listen', 'no address');
  const metricsPort = raw['metricsPort'];
  return {
    listen,
    port: parsePort(raw['port'] ?? 53),
    zoneFile: text(raw, 'zoneFile'),
    feedSocket: text(raw, 'feedSocket'),
    learnSocket: raw['learnSocket'] === undefined ? undefined : text(raw, 'learnSocket'),
    upstreams: raw['upstreams'] === undefined || raw['upstreams'] === 'host' ? 'host' : parseUpstreams(raw),
    resolvConf: text(raw, 'resolvConf', '/etc/resolv.conf'),
    clusterDomain: canonicalName(parseDnsName(text(raw, 'clusterDomain'))),
    ttlS: number('ttlS', 5, [0, 3600]),
    cacheBytes: number('cacheBytes', 8 << 20, [0, 1 << 30]),
    udpPayloadBytes: number('udpPayloadBytes', 1232, [512, 4096]),
    tryTimeoutMs: number('tryTimeoutMs', 2000, [10, 60_000]),
    totalTimeoutMs: number('totalTimeoutMs', 5000, [10, 120_000]),
    maxInFlight: number('maxInFlight', 512, [1, 10_000]),
    maxInFlightPerClient: number('maxInFlightPerClient', 64, [1, 10_000]),
    metrics:
      metricsPort === undefined
        ? undefined
        : { ip: parseIp(text(raw, 'metricsAddress', '127.0.0.1')), port: parsePort(metricsPort) },
    logLevel: text(raw, 'logLevel', 'info'),
  };
}

/** "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". */
export function parseUpstream(value: string): ServerAddress {
  const match = /^\[([^\]]+)\]:(\d+)$/.exec(value) ?? /^([^:]+):(\d+)$/.exec(value);
  return { ip: parseIp(match?.[1] ?? value), port: parsePort(match === null ? 53 : Number(match[2])) };
}

function parseUpstreams(raw: Readonly<Record<string, unknown>>): readonly ServerAddress[] {
  return textList(raw, 'upstreams').map(parseUpstream);
}

function textList(raw: Readonly<Record<string, unknown>>, field: string): readonly string[] {
  const list = raw[field];
  if (!Array.isArray(list)) throw bad(field, 'must be a list');
  return list.map((it: unknown) => {
    if (typeof it !== 'string') throw bad(field, 'must be a list of texts');
    return it;
  });
}

function text(raw: Readonly<Record<string, unknown>>, field: string, absent?: string): string {
  const value = raw[field] ?? absent;
  if (typeof value !== 'string' || value === '') throw bad(field, 'must be a text');
  return value;
}

function numberReader(raw: Readonly<Record<string, unknown>>) {
  return (field: string, absent: number, [min, max]: readonly [number, number]): number => {
    const value = raw[field] ?? absent;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw bad(field, `must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

function bad(field: string, because: string): FairleadError {
  return new FairleadError('invalid', `Cannot read configuration: ${field}: ${because}`);
}
