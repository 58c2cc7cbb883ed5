// The doors that the targets of this backend share, and the name of its device.

import type { Lifetime } from '../../base/lifetime.ts';
import { openIpvs, type Ipvs } from '../../sys/ipvs.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { openNfTables } from '../../sys/nf-tables.ts';
import { elementTable, type ElementTable } from './element-table.ts';

/** Carries the frontends' addresses: IPVS answers for addresses of the machine alone. */
export const IPVS_DEVICE = 'fairlead.ipvs';

export interface IpvsKernel {
  readonly netns: string | undefined;
  readonly ipvs: Ipvs;
  readonly netlink: Pick<Netlink, 'apply' | 'link' | 'addresses'>;
  readonly table: ElementTable;
}

/** Opening asks nothing of the kernel: one without IPVS is found out when something is observed. */
export function openIpvsKernel(netns: string | undefined, lifetime: Lifetime): IpvsKernel {
  const place = netns === undefined ? {} : { netns };
  const ipvs = openIpvs(netns);
  lifetime.defer('IPVS door', () => ipvs.close());
  const netlink = openNetlink(netns);
  lifetime.defer('netlink door of IPVS', () => netlink.close());
  const tables = openNfTables(netns);
  lifetime.defer('nftables door of IPVS', () => tables.close());
  return { netns, ipvs, netlink, table: elementTable(tables, place) };
}
