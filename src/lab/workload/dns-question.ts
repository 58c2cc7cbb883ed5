// One DNS question for addresses and what its answer says: a thin layer over the codec for the workloads' resolver.

import { FairleadError } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import { CLASS_IN, OPCODE_QUERY, RCODE, rcodeName, TYPE } from '../../wire/dns/constants.ts';
import { canonicalName, parseDnsName } from '../../wire/dns/name.ts';
import { parseMessage } from '../../wire/dns/reader.ts';
import { encodeMessage } from '../../wire/dns/writer.ts';

export const TYPE_A = TYPE.A;
export const TYPE_AAAA = TYPE.AAAA;

export interface AddressQuestion {
  /** 16 bits. */
  readonly id: number;
  readonly name: string;
  readonly type: number;
}

export interface DnsAnswer {
  /** Empty where the name does not exist or has no address of the type. */
  readonly addresses: readonly Ip[];
}

/** A query as bytes, with recursion desired. Throws `invalid` for what is no DNS name. */
export function encodeQuestion(question: AddressQuestion): Uint8Array {
  return encodeMessage({
    id: question.id,
    opcode: OPCODE_QUERY,
    rcode: RCODE.NOERROR,
    isResponse: false,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: false,
    questions: [{ name: parseDnsName(question.name), typeCode: question.type, classCode: CLASS_IN }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: [] },
  }).bytes;
}

/** Throws `unavailable` for answers that are none: another question's, malformed, SERVFAIL, REFUSED. */
export function readAddresses(bytes: Uint8Array, question: AddressQuestion): DnsAnswer {
  const parsed = parseMessage(bytes);
  if (parsed.kind !== 'message') throw unusable('malformed');
  const { message } = parsed;
  const asked = message.questions[0];
  const isOurs =
    message.isResponse &&
    message.id === question.id &&
    asked?.typeCode === question.type &&
    canonicalName(asked.name) === canonicalName(parseDnsName(question.name));
  if (!isOurs) throw unusable('for another question');
  if (message.rcode === RCODE.NXDOMAIN) return { addresses: [] };
  if (message.rcode !== RCODE.NOERROR) throw unusable(rcodeName(message.rcode));
  // Aliases are followed by the server (recursion desired): the addresses stand behind them in the same answer.
  const addresses = message.answers.flatMap(({ data }) =>
    (question.type === TYPE_A && data.kind === 'a') || (question.type === TYPE_AAAA && data.kind === 'aaaa')
      ? [data.ip]
      : [],
  );
  return { addresses };
}

function unusable(what: string): FairleadError {
  return new FairleadError('unavailable', `the nameserver's answer is ${what}`);
}
