// What programs at pods' interfaces answered in the process's stead, as the agent tells it: who asked for what, and how often.

import { FairleadError } from '../base/errors.ts';
import type { Ip } from '../base/ip.ts';
import { shown } from '../base/shown.ts';
import { TYPE } from '../wire/dns/constants.ts';
import { canonicalName, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { listOf, parseIpOf, recordOf, revisionOf, textOf } from './zone-json.ts';

/** Of one client for one question: by UDP, and NOERROR each time. */
export interface KernelAnswers {
  readonly client: Ip;
  /** In lower case. */
  readonly name: DnsName;
  /** A or AAAA. */
  readonly typeCode: number;
  readonly isDnssecOk: boolean;
  readonly count: number;
}

/** Of one frame; the largest has 400 octets each. */
export const MAX_ANSWERS = 500;

const TYPES: ReadonlySet<unknown> = new Set([TYPE.A, TYPE.AAAA]);

/** Throws `invalid` for what no program says. */
export function parseKernelAnswers(value: unknown): readonly KernelAnswers[] {
  const answers = listOf(value, 'answers');
  if (answers.length > MAX_ANSWERS)
    throw new FairleadError('invalid', `Cannot read zone feed: ${answers.length} answers are too many`);
  return answers.map((it) => {
    const raw = recordOf(it, 'answers');
    const typeCode = revisionOf(raw['typeCode']);
    if (!TYPES.has(typeCode))
      throw new FairleadError('invalid', `Cannot read zone feed: no program answers type ${typeCode}`);
    return {
      client: parseIpOf(raw['client']),
      name: canonicalName(parseDnsName(textOf(raw['name'], 'name'))),
      typeCode,
      isDnssecOk: raw['isDnssecOk'] === true,
      count: parseCount(raw['count']),
    };
  });
}

function parseCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw new FairleadError('invalid', `Cannot read zone feed: "${shown(value)}" is no count of answers`);
  return value;
}
