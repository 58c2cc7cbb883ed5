// Who is asked for which names: the zones with upstreams of their own, as the configuration has them.

import { canonicalName, labelsOf, parseDnsName, ROOT_NAME, type DnsName } from '../wire/dns/name.ts';
import { ConfigFields } from './config-fields.ts';
import { parseUpstream, type Upstream } from './upstream.ts';

export interface ForwardZone {
  /** In lower case; the root is for every name that no other zone has. */
  readonly zone: DnsName;
  /** Names in it that it is not asked for: the next larger zone has them. */
  readonly except: readonly DnsName[];
  /** 'host': the nameservers of the configuration's `resolvConf`, read again when it changes. None: its names are not found by anybody. */
  readonly upstreams: 'host' | readonly Upstream[];
  readonly policy: UpstreamPolicy;
  /** Never asked by UDP. */
  readonly forceTcp: boolean;
  /** Failed probes in a row before an upstream is left out; 0 never leaves one out. */
  readonly maxFails: number;
  /** The first wait between two probes of an upstream that is silent. */
  readonly healthCheckMs: number;
}

const POLICIES = ['random', 'round_robin', 'sequential'] as const;
/** Which upstream is asked first. */
export type UpstreamPolicy = (typeof POLICIES)[number];

/** A zone as people write it; everything but `zone` and `upstreams` may be left out. */
export interface ForwardZoneFile {
  readonly zone: string;
  /** 'host', or addresses as "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "tls://192.0.2.1". */
  readonly upstreams: 'host' | readonly string[];
  /** None. */
  readonly except?: readonly string[];
  /** 'random'. */
  readonly policy?: UpstreamPolicy;
  /** false. */
  readonly forceTcp?: boolean;
  /** 1. */
  readonly maxFails?: number;
  /** 250. */
  readonly healthCheckMs?: number;
  /** The name that certificates of upstreams behind "tls://" have to have; their address. */
  readonly tlsServerName?: string;
  /** A file with the authorities of their certificates; the system's. */
  readonly tlsCa?: string;
}

/** No list of stub domains is longer; the search for a name's zone goes through all of them. */
const MAX_ZONES = 1000;

/** The zones of `forward`, most specific first; the root's from `upstreams` (default 'host') where `forward` has none. */
export function parseForward(fields: ConfigFields): readonly ForwardZone[] {
  const zones = fields.objects('forward').map((it) => {
    const zone = canonicalName(it.parsed('zone', parseDnsName));
    return { zone, upstreams: parseUpstreams(it), ...parseOptions(it) };
  });
  if (!zones.some(({ zone }) => zone === ROOT_NAME)) {
    zones.push({ zone: ROOT_NAME, upstreams: parseUpstreams(fields), ...parseOptions(new ConfigFields({})) });
  } else if (fields.has('upstreams')) {
    throw fields.bad('upstreams', 'zone "." of forward has its own');
  }
  if (zones.length > MAX_ZONES) throw fields.bad('forward', `more than ${MAX_ZONES} zones`);
  if (new Set(zones.map(({ zone }) => zone)).size < zones.length) {
    throw fields.bad('forward', 'a zone is there twice');
  }
  return zones.toSorted((a, b) => labelsOf(b.zone).length - labelsOf(a.zone).length);
}

function parseUpstreams(fields: ConfigFields): ForwardZone['upstreams'] {
  const isHost = !fields.has('upstreams') || fields.is('upstreams', 'host');
  if (isHost) return 'host';
  const optional = (field: string): string | undefined =>
    fields.has(field) ? fields.text(field) : undefined;
  const tls = { serverName: optional('tlsServerName'), caFile: optional('tlsCa') };
  return fields.parsedList('upstreams', (text) => parseUpstream(text, tls));
}

function parseOptions(fields: ConfigFields): Omit<ForwardZone, 'zone' | 'upstreams'> {
  return {
    except: fields.parsedList('except', (text) => canonicalName(parseDnsName(text))),
    policy: fields.oneOf('policy', POLICIES),
    forceTcp: fields.flag('forceTcp'),
    maxFails: fields.number('maxFails', 1, [0, 100]),
    healthCheckMs: fields.number('healthCheckMs', 250, [50, 60_000]),
  };
}
