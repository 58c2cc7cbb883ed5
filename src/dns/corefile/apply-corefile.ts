// The process' configuration with what a Corefile decides in it. Pure.

import { hasCode } from '../../base/errors.ts';
import { ROOT_NAME } from '../../wire/dns/name.ts';
import { parseCache } from '../cache-config.ts';
import { refuseOurselves, type DnsConfig } from '../config.ts';
import { ConfigFields } from '../config-fields.ts';
import { parseForward, type ForwardZone } from '../forward-config.ts';
import { parseOverrides } from '../override-config.ts';
import { parseQueryLog } from '../query-log-config.ts';
import { findingText } from './finding.ts';
import { readCorefile } from './read-corefile.ts';

export type AppliedCorefile =
  | { readonly kind: 'taken'; readonly config: DnsConfig; readonly remarks: readonly string[] }
  /** Nothing of it holds. */
  | { readonly kind: 'refused'; readonly because: string };

/** Never throws. Variables are those of CoreDNS' pod, which nobody knows here: none is set. */
export function applyCorefile(config: DnsConfig, text: string): AppliedCorefile {
  const { clusterDomain } = config;
  const { settings, findings } = readCorefile({ file: 'Corefile', text, variables: {}, clusterDomain });
  const wordsOf = (isMeant: boolean): readonly string[] =>
    findings.filter(({ level }) => (level === 'error') === isMeant).map(findingText);
  if (settings === undefined)
    return { kind: 'refused', because: wordsOf(true).slice(0, MAX_ERRORS).join('\n') };
  try {
    const fields = new ConfigFields({
      ...settings,
      cache: { bytes: config.cache.bytes, ...settings.cache },
    });
    const forward = parseForward(fields).map((zone) => withHost(zone, config));
    refuseOurselves(fields, forward, config);
    const applied: DnsConfig = {
      ...config,
      forward,
      overrides: parseOverrides(fields),
      queryLog: parseQueryLog(fields),
      cache: parseCache(fields.object('cache')),
      pods: settings.pods ?? config.pods,
      ttlS: settings.ttlS ?? config.ttlS,
      maxInFlight: settings.maxInFlight ?? config.maxInFlight,
    };
    return { kind: 'taken', config: applied, remarks: wordsOf(false) };
  } catch (error) {
    if (!hasCode(error, 'invalid')) throw error;
    return { kind: 'refused', because: error.message };
  }
}

/** As many as somebody reads. */
const MAX_ERRORS = 20;

/** What CoreDNS' pod has in /etc/resolv.conf is what the process asks without a Corefile: that may be no file at all. */
function withHost(zone: ForwardZone, { forward }: DnsConfig): ForwardZone {
  const own = forward.find((it) => it.zone === ROOT_NAME);
  return zone.upstreams === 'host' && own !== undefined ? { ...zone, upstreams: own.upstreams } : zone;
}
