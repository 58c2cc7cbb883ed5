// How long an upstream's answer may be kept, and the times to live that clients see of it. Pure.

import { RCODE, TYPE } from '../wire/dns/constants.ts';
import type { DnsMessage, ResourceRecord } from '../wire/dns/message.ts';
import type { CacheSettings, TtlBounds } from './cache-config.ts';

/** A name's own answer, or a failure of whoever was asked. */
export function isFailure(rcode: number): boolean {
  return rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN;
}

/** Seconds the answer may be kept: the shortest record of it; for a denial what its SOA allows, without SOA not at all (RFC 2308 5). */
export function lifetimeS(message: DnsMessage, settings: CacheSettings): number {
  if (message.isTruncated) return 0;
  if (isFailure(message.rcode)) return settings.servfailS;
  const answersS = message.answers.map((record) => record.ttlS);
  if (isPositive(message)) return within(Math.min(...answersS), settings.success);
  const soaS = message.authorities.flatMap(({ data, ttlS }) =>
    data.kind === 'soa' ? [Math.min(ttlS, data.minimumS)] : [],
  );
  return soaS.length === 0 ? 0 : within(Math.min(...soaS, ...answersS), settings.denial);
}

/** The message with every time to live within the bounds, so that clients keep nothing longer than we do. */
export function withBoundedTtls(message: DnsMessage, settings: CacheSettings): DnsMessage {
  const bounds = isPositive(message) ? settings.success : settings.denial;
  const bounded = (records: readonly ResourceRecord[]): readonly ResourceRecord[] =>
    records.map((record) => ({ ...record, ttlS: within(record.ttlS, bounds) }));
  const { answers, authorities, additionals } = message;
  return {
    ...message,
    answers: bounded(answers),
    authorities: bounded(authorities),
    additionals: bounded(additionals),
  };
}

function within(ttlS: number, { minS, maxS }: TtlBounds): number {
  return Math.min(maxS, Math.max(minS, ttlS));
}

/** A chain of CNAMEs alone is no positive answer, unless CNAMEs were asked for. */
function isPositive({ rcode, answers, questions }: DnsMessage): boolean {
  const asksCname = questions[0]?.typeCode === TYPE.CNAME;
  return rcode === RCODE.NOERROR && answers.some(({ data }) => data.kind !== 'cname' || asksCname);
}
