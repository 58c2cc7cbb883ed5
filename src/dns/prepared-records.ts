// The way back from a prepared answer to records: for whoever needs their content (aliases, observers). Not on the hot path.

import { CLASS_IN, HEADER_BYTES } from '../wire/dns/constants.ts';
import type { ResourceRecord } from '../wire/dns/message.ts';
import { nameFromLabels, nameToBytes } from '../wire/dns/name.ts';
import { parseMessage } from '../wire/dns/reader.ts';
import { FairleadError } from '../base/errors.ts';
import type { PreparedAnswer } from './prepared-answer.ts';

export interface PreparedRecords {
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
}

/** The records behind the question of `labels`, their times to live less `ageS`. */
export function recordsOfPrepared(
  labels: readonly string[],
  prepared: PreparedAnswer,
  ageS: number,
): PreparedRecords {
  const question = Buffer.concat([nameToBytes(nameFromLabels(labels)), Buffer.from([0, 0, 0, CLASS_IN])]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(prepared.answers, 6);
  header.writeUInt16BE(prepared.authorities, 8);
  header.writeUInt16BE(prepared.additionals, 10);
  const parsed = parseMessage(Buffer.concat([header, question, prepared.body]));
  if (parsed.kind === 'malformed') {
    throw new FairleadError('internal', `Cannot read an answer of our own: ${parsed.because}`);
  }
  const aged = (record: ResourceRecord): ResourceRecord =>
    ageS === 0 ? record : { ...record, ttlS: Math.max(0, record.ttlS - ageS) };
  return {
    answers: parsed.message.answers.map(aged),
    authorities: parsed.message.authorities.map(aged),
    additionals: parsed.message.additionals.map(aged),
  };
}
