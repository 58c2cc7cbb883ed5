// How many requests a client may make, counted by HAProxy for all threads together in a table whose keys and numbers come at run time (`lua/limits.lua`). Pure.

import type { ClientLimits } from '../model/request-guards.ts';
import { contentName, type Tree } from './proxy-text.ts';

/**
 * After a rule with limits has been found: the client's entry, what Lua says of it, and what is written down. Without a key nothing is tracked, and
 * what is not tracked is not written.
 */
export function limitRules(): readonly string[] {
  return [
    `track-sc0 var(txn.limit) table ${LIMITS_TABLE} if { var(txn.limit) -m found }`,
    'lua.limit if { var(txn.limit) -m found }',
    'sc-set-gpt(0,0) var(txn.second) if { var(txn.second) -m found }',
    'sc-set-gpt(1,0) var(txn.minute) if { var(txn.minute) -m found }',
  ];
}

const LIMITS_TABLE = 'limits';

/** The numbers are for 35 minutes and no longer, as 32 bits of microseconds are. */
export function limitTableLines(): readonly string[] {
  return [
    `backend ${LIMITS_TABLE} from http`,
    '  stick-table type string len 96 size 100k expire 30m store gpt(2),conn_cur',
  ];
}

/** Seconds of a minute that a burst may take beforehand; more does not fit into the numbers of the table. */
const MAX_BURST_S = 1800;

export function limitsTree({
  kind,
  of,
  exempt,
  perSecond,
  perMinute,
  burst,
  connections,
}: ClientLimits): Tree {
  const spent = (count: number | undefined, periodS: number): readonly string[] => {
    if (count === undefined || !(count > 0)) return [];
    const eachUs = Math.max(1, Math.round((periodS * 1_000_000) / count));
    return [eachUs, Math.min(MAX_BURST_S * 1_000_000, eachUs * Math.ceil(count * burst))].map(String);
  };
  const most = connections === undefined ? '' : String(connections);
  return [kind, contentName(of), exempt, most, spent(perSecond, 1), spent(perMinute, 60)];
}
