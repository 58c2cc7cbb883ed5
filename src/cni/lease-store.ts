// The address management of a node: which attachment holds which pod addresses, durable and transactional.
// Knows neither links nor requests. An address is new -> leased -> resting -> leased again.

import { cidrHasIp, type Cidr } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import {
  hasRoom,
  insertLeased,
  poolUsage,
  takeAddress,
  type PoolUsage,
  type RestRule,
} from './address-pool.ts';
import type { AttachmentKey } from './attachment-names.ts';
import { integerOf, LeaseDb, textOf, type Row } from './lease-db.ts';

/** Names of the pod, as the runtime gives them in CNI_ARGS. */
export interface PodNames {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What is stored beside the addresses of an attachment. */
export interface LeaseOwner extends AttachmentKey {
  readonly network: string;
  readonly netns: string;
  readonly pod: PodNames | undefined;
}

export interface Lease extends LeaseOwner {
  /** One address per prefix, in the order of the prefixes when it was made. */
  readonly ips: readonly Ip[];
  readonly createdMs: number;
  /** Index of the host side once it was made: it outlives the link, which goes with the pod's namespace. */
  readonly ifindex: number | undefined;
}

export interface LeaseStoreOptions {
  /** File of the database, or ":memory:". */
  readonly file: string;
  readonly clock: Clock;
  /** Changes when every interface is gone for certain (a boot, a new node namespace): leases of another one are dropped. */
  readonly boot: string;
  /** How long a released address is left alone; default 30 s. */
  readonly restMs?: number;
  /** How long at least, when no other is left; default 5 s. */
  readonly leastRestMs?: number;
}

const DEFAULT_REST_MS = 30_000;
const DEFAULT_LEAST_REST_MS = 5_000;

/** Leases of one node in an SQLite file. Every method is one transaction: after a crash it has happened or it has not. */
export class LeaseStore {
  readonly #db: LeaseDb;
  readonly #options: LeaseStoreOptions;
  #prefixes: readonly Cidr[] = [];

  constructor(options: LeaseStoreOptions) {
    this.#options = options;
    this.#db = new LeaseDb(options.file);
    this.#dropOtherBoots();
  }

  close(): void {
    this.#db.close();
  }

  get prefixes(): readonly Cidr[] {
    return this.#prefixes;
  }

  /** Sets where new addresses come from, one prefix per family. Leases of other prefixes stay until they are released. */
  setPrefixes(prefixes: readonly Cidr[]): void {
    const list = JSON.stringify(prefixes);
    this.#db.transaction('set pod prefixes', () => {
      const isOther = 'prefix NOT IN (SELECT value FROM json_each(?))';
      this.#db.run(`DELETE FROM address WHERE container_id IS NULL AND ${isOther}`, list);
      this.#db.run(`DELETE FROM pool WHERE ${isOther}`, list);
      for (const prefix of prefixes) this.#db.run('INSERT OR IGNORE INTO pool VALUES (?, 0)', prefix);
      for (const row of this.#db.all(`SELECT ip FROM address WHERE ${isOther}`, list)) {
        this.#assignPrefix(parseIp(textOf(row, 'ip')), prefixes);
      }
    });
    this.#prefixes = [...prefixes];
  }

  /** A leased address of an earlier prefix, or adopted before any was known, may lie in one that is in force now. */
  #assignPrefix(ip: Ip, prefixes: readonly Cidr[]): void {
    const prefix = prefixes.find((it) => cidrHasIp(it, ip));
    if (prefix !== undefined) this.#db.run('UPDATE address SET prefix = ? WHERE ip = ?', prefix, ip);
  }

  /** The lease of this attachment, made where there is none. Throws `exhausted` with the counts of the full prefix. */
  acquire(owner: LeaseOwner): Lease {
    return this.#db.transaction(`lease addresses for ${owner.containerId}`, () => {
      const existing = this.get(owner);
      if (existing !== undefined) return existing;
      if (this.#prefixes.length === 0) {
        throw new FairleadError('unavailable', 'Cannot lease an address: the node has no pod prefix yet');
      }
      const createdMs = this.#insertOwner(owner);
      const rule = this.#rule();
      const ips = this.#prefixes.map((prefix, position) =>
        takeAddress(this.#db, prefix, { ...owner, position }, rule),
      );
      return { ...owner, ips, createdMs, ifindex: undefined };
    });
  }

  /** Takes note of addresses that an interface without a lease carries; false where any of them is leased to another. */
  adopt(owner: LeaseOwner, ips: readonly Ip[]): boolean {
    return this.#db.transaction(`adopt addresses of ${owner.containerId}`, () => {
      if (this.get(owner) !== undefined || ips.some((ip) => this.holderOf(ip) !== undefined)) return false;
      this.#insertOwner(owner);
      for (const [position, ip] of ips.entries()) {
        this.#db.run('DELETE FROM address WHERE ip = ?', ip);
        const prefix = this.#prefixes.find((it) => cidrHasIp(it, ip)) ?? '';
        insertLeased(this.#db, ip, prefix, { ...owner, position });
      }
      return true;
    });
  }

  /** Remembers the link of a lease. */
  noteLink(key: AttachmentKey, ifindex: number): void {
    this.#db.run(
      'UPDATE attachment SET ifindex = ? WHERE container_id = ? AND ifname = ?',
      ifindex,
      key.containerId,
      key.ifname,
    );
  }

  /** Gives the addresses back; those that were on no interface (`wasUsed` false) need no rest. False where there is no lease. */
  release(key: AttachmentKey, { wasUsed }: { readonly wasUsed: boolean }): boolean {
    return this.#db.transaction(`release addresses of ${key.containerId}`, () => {
      const where = 'WHERE container_id = ? AND ifname = ?';
      this.#db.run(
        `UPDATE address SET container_id = NULL, ifname = NULL, released_ms = ? ${where}`,
        wasUsed ? this.#options.clock.nowMs() : 0,
        key.containerId,
        key.ifname,
      );
      return this.#db.run(`DELETE FROM attachment ${where}`, key.containerId, key.ifname) > 0;
    });
  }

  get(key: AttachmentKey): Lease | undefined {
    const where = 'WHERE container_id = ? AND ifname = ?';
    const row = this.#db.get(`SELECT * FROM attachment ${where}`, key.containerId, key.ifname);
    return row === undefined ? undefined : this.#leaseOf(row);
  }

  /** Who holds the address now. */
  holderOf(ip: Ip): AttachmentKey | undefined {
    const row = this.#db.get('SELECT * FROM address WHERE ip = ? AND container_id IS NOT NULL', ip);
    return row === undefined ? undefined : keyOf(row);
  }

  /** Oldest first. */
  list(): readonly Lease[] {
    const rows = this.#db.all('SELECT * FROM attachment ORDER BY created_ms, container_id, ifname');
    return rows.map((row) => this.#leaseOf(row));
  }

  /** One entry per prefix in force. */
  usage(): readonly PoolUsage[] {
    return this.#prefixes.map((prefix) => poolUsage(this.#db, prefix, this.#rule()));
  }

  /** True when an ADD would find an address in every prefix. */
  hasRoom(): boolean {
    return (
      this.#prefixes.length > 0 && this.#prefixes.every((prefix) => hasRoom(this.#db, prefix, this.#rule()))
    );
  }

  #rule(): RestRule {
    const restMs = this.#options.restMs ?? DEFAULT_REST_MS;
    const leastRestMs = Math.min(this.#options.leastRestMs ?? DEFAULT_LEAST_REST_MS, restMs);
    return { nowMs: this.#options.clock.nowMs(), restMs, leastRestMs };
  }

  #insertOwner(owner: LeaseOwner): number {
    const createdMs = this.#options.clock.nowMs();
    const { containerId, ifname, network, netns, pod } = owner;
    this.#db.run(
      'INSERT INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)',
      containerId,
      ifname,
      network,
      netns,
      pod?.namespace ?? null,
      pod?.name ?? null,
      pod?.uid ?? null,
      this.#options.boot,
      createdMs,
    );
    return createdMs;
  }

  #leaseOf(row: Row): Lease {
    const key = keyOf(row);
    const ips = this.#db
      .all(
        'SELECT ip FROM address WHERE container_id = ? AND ifname = ? ORDER BY position',
        key.containerId,
        key.ifname,
      )
      .map((it) => parseIp(textOf(it, 'ip')));
    return {
      ...key,
      network: textOf(row, 'network'),
      netns: textOf(row, 'netns'),
      pod: podOf(row),
      ips,
      createdMs: integerOf(row, 'created_ms') ?? 0,
      ifindex: integerOf(row, 'ifindex'),
    };
  }

  #dropOtherBoots(): void {
    this.#db.transaction('drop leases of an earlier boot', () => {
      this.#db.run(
        `UPDATE address SET container_id = NULL, ifname = NULL, released_ms = 0
         WHERE (container_id, ifname) IN (SELECT container_id, ifname FROM attachment WHERE boot <> ?)`,
        this.#options.boot,
      );
      this.#db.run('DELETE FROM attachment WHERE boot <> ?', this.#options.boot);
    });
  }
}

function keyOf(row: Row): AttachmentKey {
  return { containerId: textOf(row, 'container_id'), ifname: textOf(row, 'ifname') };
}

function podOf(row: Row): PodNames | undefined {
  if (row['pod_name'] === null) return undefined;
  return {
    namespace: textOf(row, 'pod_namespace'),
    name: textOf(row, 'pod_name'),
    uid: textOf(row, 'pod_uid'),
  };
}
