// How long an answer may be, by how it goes and whether its client has proven its address. Pure.

import { MAX_MESSAGE_BYTES, PLAIN_UDP_BYTES } from '../wire/dns/constants.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import type { Query } from './query.ts';
import type { DnsClient, ResponderParts } from './responder.ts';

/** Octets of an answer for each octet of a question whose sender has not proven its address; QUIC has chosen the same (RFC 9000 8.1). */
const MAX_AMPLIFICATION = 3;
const MAX_OPT_BYTES = 11;

/** By UDP the source may be forged, and a long answer would go to somebody who has not asked: what is longer has to come by TCP, which proves it. */
export function answerLimit(
  query: Query,
  { body }: PreparedAnswer,
  { address, transport }: DnsClient,
  { udpPayloadBytes, isProven }: Pick<ResponderParts, 'udpPayloadBytes' | 'isProven'>,
): number {
  if (transport === 'tcp') return MAX_MESSAGE_BYTES;
  const asked = Math.max(PLAIN_UDP_BYTES, query.edns?.udpPayloadBytes ?? 0);
  const limitBytes = Math.min(asked, udpPayloadBytes);
  const unprovenBytes = MAX_AMPLIFICATION * query.bytes.length;
  // Most answers are short enough for anybody.
  if (query.questionEnd + body.length + MAX_OPT_BYTES <= unprovenBytes) return limitBytes;
  return (isProven?.(address) ?? true) ? limitBytes : Math.min(limitBytes, unprovenBytes);
}
