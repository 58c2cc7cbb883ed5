// A name of others in words: out of the cache and how old, or from which upstream, and who was asked in vain before.

import { rcodeName, RCODE } from '../wire/dns/constants.ts';
import { nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import type { AnswerCache, CachedAnswer } from './answer-cache.ts';
import type { ExplainStep } from './explain.ts';
import type { ExchangeFacts } from './forwarder.ts';
import type { OutsideResolver } from './outside.ts';
import { keyOfQuestion } from './query.ts';
import { upstreamText } from './upstream.ts';
import type { ForwardingFacts } from './zone-forwarder.ts';

export interface OutsideSources {
  readonly outside: OutsideResolver;
  readonly cache: Pick<AnswerCache, 'get'>;
  readonly forwarding: ForwardingFacts;
  readonly monotonicMs: () => number;
}

export interface OutsideAsked {
  readonly labels: readonly string[];
  readonly typeCode: number;
  readonly client: string;
}

/** The step, and whether there is such a name. */
export interface ToldOutside {
  readonly step: ExplainStep;
  readonly isName: boolean;
}

/** Asks as a client does: what is in no cache comes from an upstream now. */
export async function tellOutside(asked: OutsideAsked, sources: OutsideSources): Promise<ToldOutside> {
  const { outside, cache, forwarding, monotonicMs } = sources;
  const { labels, typeCode } = asked;
  const key = keyOfQuestion(labels, typeCode);
  const nowMs = monotonicMs();
  const kept = cache.get(key, nowMs);
  const exchanges: ExchangeFacts[] = [];
  const stop = forwarding.watchExchanges((facts) => {
    if (isOf(facts, key)) exchanges.push(facts);
  });
  const answering = outside.resolve({ ...asked, ...PLAIN, key });
  const { prepared } = await answering;
  stop();
  const name = nameFromLabels(labels);
  const { rcode } = prepared;
  const from = exchanges.findLast((it) => rcodeOf(it) === rcode);
  const told =
    from === undefined && kept !== undefined
      ? cachedStep(kept, rcode, nowMs)
      : answering instanceof Promise
        ? upstreamStep({ rcode, from, exchanges, zone: forwarding.zoneOf(name) })
        : { by: 'upstream' as const, says: `${rcodeName(rcode)}: too many questions are on their way` };
  return { step: { name, ...told }, isName: rcode !== RCODE.NXDOMAIN };
}

const PLAIN = { isDnssecOk: false, isCheckingDisabled: false };

/** Clients may ask the same beside, with flags of their own. */
function isOf({ question }: ExchangeFacts, key: string): boolean {
  const isPlain = !question.isDnssecOk && !question.isCheckingDisabled;
  return isPlain && keyOfQuestion(question.labels, question.typeCode) === key;
}

function rcodeOf({ result }: ExchangeFacts): number | undefined {
  return result.kind === 'reply' ? result.message.rcode : undefined;
}

type Told = Omit<ExplainStep, 'name'>;

function cachedStep({ storedMs, expiresMs }: CachedAnswer, rcode: number, nowMs: number): Told {
  const ageS = Math.floor((nowMs - storedMs) / 1000);
  const leftS = Math.ceil((expiresMs - nowMs) / 1000);
  const time = leftS > 0 ? `kept for ${leftS} more` : `stale for ${-leftS}`;
  return { by: 'cache', says: `${rcodeName(rcode)}, ${ageS} seconds old, ${time}`, ageS };
}

interface Asking {
  readonly rcode: number;
  readonly from: ExchangeFacts | undefined;
  readonly exchanges: readonly ExchangeFacts[];
  readonly zone: DnsName | undefined;
}

function upstreamStep({ rcode, from, exchanges, zone }: Asking): Told {
  const inVain = exchanges.filter((it) => it !== from).map(vainWords);
  if (from === undefined) {
    const because =
      inVain.length > 0
        ? `no upstream answered: ${inVain.join(', ')}`
        : `no upstream of zone "${zone}" is there to be asked`;
    return { by: 'upstream', says: `${rcodeName(rcode)}: ${because}` };
  }
  const upstream = { address: upstreamText(from.upstream), transport: transportOf(from), ms: msOf(from) };
  const { address, transport, ms } = upstream;
  const after = inVain.length === 0 ? '' : `, after ${inVain.join(', ')}`;
  const says = `${rcodeName(rcode)} from ${address} by ${transport} in ${ms} ms, of zone "${zone}"${after}`;
  return { by: 'upstream', says, upstream };
}

function vainWords(facts: ExchangeFacts): string {
  const { result, upstream } = facts;
  const who = `${upstreamText(upstream)} by ${transportOf(facts)}`;
  if (result.kind === 'timeout') return `${who} silent for ${msOf(facts)} ms`;
  if (result.kind === 'unreachable') return `${who} not reached (${result.because})`;
  return `${who} with ${rcodeName(result.message.rcode)}${result.message.isTruncated ? ', cut' : ''}`;
}

function transportOf({ upstream, transport }: ExchangeFacts): 'udp' | 'tcp' | 'tls' {
  return upstream.tls === undefined ? transport : 'tls';
}

function msOf({ durationMs }: ExchangeFacts): number {
  return Math.round(durationMs * 10) / 10;
}
