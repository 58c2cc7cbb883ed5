// Which rows have an address: the last one that goes takes it along. Follows what was observed and written, as the engine's own states do.

import type { Ip } from '../../base/ip.ts';
import type { IpvsRow } from './row.ts';

export class AddressUse {
  #keys = new Map<Ip, Set<string>>();

  /** What the kernel holds. */
  observe(rows: ReadonlyMap<string, IpvsRow>): void {
    this.#keys = new Map();
    for (const [key, { ip }] of rows) this.add(key, ip);
  }

  add(key: string, ip: Ip): void {
    const keys = this.#keys.get(ip);
    if (keys === undefined) this.#keys.set(ip, new Set([key]));
    else keys.add(key);
  }

  /** True where no other row has the address. */
  remove(key: string, ip: Ip): boolean {
    const keys = this.#keys.get(ip);
    keys?.delete(key);
    if (keys !== undefined && keys.size > 0) return false;
    this.#keys.delete(ip);
    return true;
  }
}
