// Which upstreams a zone has: those of the configuration, or of a resolv.conf that may change while we run.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { parsePort } from '../base/port.ts';
import type { DnsConfig } from './config.ts';
import type { ForwardZone } from './forward-config.ts';
import { readNameservers } from './resolv-conf.ts';
import { upstreamText, type Upstream } from './upstream.ts';
import type { UpstreamPool } from './upstream-pool.ts';

export interface UpstreamListParts {
  readonly zone: ForwardZone;
  readonly config: DnsConfig;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** resolv.conf is rewritten by DHCP clients and VPNs; reading it again is cheaper than a watch that misses renames. */
const REREAD_MS = 5000;
const DNS_PORT = parsePort(53);

/** Keeps the pool's list right until the signal. */
export function watchUpstreams(pool: UpstreamPool, parts: UpstreamListParts): void {
  const { upstreams } = parts.zone;
  if (upstreams !== 'host') setList(pool, upstreams, parts);
  // The end of the process is the only way out of the loop.
  else void rereadForever(pool, parts).catch(() => undefined);
}

async function rereadForever(pool: UpstreamPool, parts: UpstreamListParts): Promise<void> {
  const { config, clock, signal } = parts;
  let known = '';
  for (;;) {
    const ips = await readNameservers(config.resolvConf);
    const text = ips.join(' ');
    if (text !== known) {
      const all = ips.map((ip) => ({ ip, port: DNS_PORT, tls: undefined }));
      setList(pool, withoutOurselves(all, parts), parts);
      known = text;
    }
    await clock.sleep(REREAD_MS, signal);
  }
}

/** A resolver that asks itself never ends: our own addresses are no upstreams. */
function withoutOurselves(upstreams: readonly Upstream[], parts: UpstreamListParts): Upstream[] {
  const { config, log } = parts;
  const others = upstreams.filter(({ ip, port }) => port !== config.port || !config.listen.includes(ip));
  if (others.length < upstreams.length)
    log.warn({ upstreams: upstreams.map(upstreamText) }, 'an upstream is this process itself: left out');
  return others;
}

function setList(pool: UpstreamPool, upstreams: readonly Upstream[], { zone, log }: UpstreamListParts): void {
  pool.set(upstreams);
  log.info({ zone: zone.zone, upstreams: upstreams.map(upstreamText) }, 'upstreams');
}
