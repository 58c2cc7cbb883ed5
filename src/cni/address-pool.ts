// Which address of a prefix is given out next, and how full the prefix is; works inside of a transaction of the caller.

import { cidrFamily, cidrIpAt, cidrLength, cidrSize, type Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import type { AttachmentKey } from './attachment-names.ts';
import { integerOf, textOf, type LeaseDb } from './lease-db.ts';

/** How full a prefix is; `size` counts the addresses that may be given to pods. */
export interface PoolUsage {
  readonly prefix: Cidr;
  readonly size: number;
  readonly used: number;
  /** Released less than the rest time ago. */
  readonly resting: number;
  readonly free: number;
}

/** Time and rest of a pool; all in milliseconds. */
export interface RestRule {
  readonly nowMs: number;
  readonly restMs: number;
  /** How long at least, when no other address is left. */
  readonly leastRestMs: number;
}

export interface Holder extends AttachmentKey {
  /** Place among the addresses of the attachment. */
  readonly position: number;
}

/** Longer prefixes than this many addresses are used at their start only: no node runs more pods. */
const SPAN_MAX = 65_536n;

/** Offsets of the prefix that pods may get: without the first (the tunnel's) and, in IPv4, the last. */
export function poolSpan(prefix: Cidr): { readonly first: number; readonly count: number } {
  const size = cidrSize(prefix);
  const reserved = cidrFamily(prefix) === 4 && cidrLength(prefix) < 31 ? 2n : 1n;
  const usable = size > reserved ? size - reserved : 0n;
  return { first: 1, count: Number(usable < SPAN_MAX ? usable : SPAN_MAX) };
}

/** Gives one address of `prefix` to `holder`; throws `exhausted` with the counts. */
export function takeAddress(db: LeaseDb, prefix: Cidr, holder: Holder, rule: RestRule): Ip {
  const ip =
    takeNew(db, prefix, holder) ??
    takeRested(db, prefix, holder, rule.nowMs - rule.restMs) ??
    takeRested(db, prefix, holder, rule.nowMs - rule.leastRestMs);
  if (ip === undefined) throw exhausted(poolUsage(db, prefix, rule));
  return ip;
}

export function poolUsage(db: LeaseDb, prefix: Cidr, rule: RestRule): PoolUsage {
  const row = db.get(
    `SELECT count(container_id) AS used, count(*) FILTER (WHERE released_ms > ?) AS resting
     FROM address WHERE prefix = ?`,
    rule.nowMs - rule.restMs,
    prefix,
  );
  const size = poolSpan(prefix).count;
  const used = integerOf(row, 'used') ?? 0;
  const resting = integerOf(row, 'resting') ?? 0;
  return { prefix, size, used, resting, free: Math.max(0, size - used - resting) };
}

/** True when `takeAddress` would succeed now. */
export function hasRoom(db: LeaseDb, prefix: Cidr, rule: RestRule): boolean {
  if (poolUsage(db, prefix, rule).free > 0) return true;
  const rested = db.get(
    'SELECT 1 FROM address WHERE prefix = ? AND released_ms <= ? LIMIT 1',
    prefix,
    rule.nowMs - rule.leastRestMs,
  );
  return rested !== undefined;
}

/** The next address that was never given out since the prefix came into force. */
function takeNew(db: LeaseDb, prefix: Cidr, holder: Holder): Ip | undefined {
  const { first, count } = poolSpan(prefix);
  let next =
    integerOf(db.get('SELECT next_offset FROM pool WHERE prefix = ?', prefix), 'next_offset') ?? count;
  let taken: Ip | undefined;
  while (taken === undefined && next < count) {
    const ip = cidrIpAt(prefix, first + next);
    next += 1;
    // An address may be known already: adopted, or leased before the prefix went and came back.
    if (insertLeased(db, ip, prefix, holder)) taken = ip;
  }
  db.run('UPDATE pool SET next_offset = ? WHERE prefix = ?', next, prefix);
  return taken;
}

/** True where the address had no row. */
export function insertLeased(db: LeaseDb, ip: Ip, prefix: Cidr | '', holder: Holder): boolean {
  const changes = db.run(
    'INSERT OR IGNORE INTO address (ip, prefix, position, container_id, ifname) VALUES (?, ?, ?, ?, ?)',
    ip,
    prefix,
    holder.position,
    holder.containerId,
    holder.ifname,
  );
  return changes > 0;
}

/** The address that has rested longest, where it was released at `releasedUntilMs` or before. */
function takeRested(db: LeaseDb, prefix: Cidr, holder: Holder, releasedUntilMs: number): Ip | undefined {
  const row = db.get(
    `UPDATE address SET container_id = ?, ifname = ?, position = ?, released_ms = NULL
     WHERE ip = (SELECT ip FROM address WHERE prefix = ? AND released_ms <= ? ORDER BY released_ms, rowid LIMIT 1)
     RETURNING ip`,
    holder.containerId,
    holder.ifname,
    holder.position,
    prefix,
    releasedUntilMs,
  );
  return row === undefined ? undefined : parseIp(textOf(row, 'ip'));
}

function exhausted(usage: PoolUsage): FairleadError {
  const { prefix, size, used, resting, free } = usage;
  return new FairleadError(
    'exhausted',
    `Cannot lease an address: pool ${prefix} has none left (${used} of ${size} used, ${resting} resting after release)`,
    { details: { pool: prefix, size, used, free, resting } },
  );
}
