// The doors that the targets of this backend share, and the name of its device.

import type { Lifetime } from '../../base/lifetime.ts';
import { openIpvs, type Ipvs } from '../../sys/ipvs.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { applyNft, listNftTable } from '../../sys/nft.ts';
import { IPVS_TABLE } from './table.ts';

/** Carries the frontends' addresses: IPVS answers for addresses of the machine alone. */
export const IPVS_DEVICE = 'fairlead.ipvs';

type Json = Readonly<Record<string, unknown>>;

export interface IpvsKernel {
  readonly netns: string | undefined;
  readonly ipvs: Ipvs;
  readonly netlink: Netlink;
  /** Objects of the table, undefined where it is not there. */
  listTable(): Promise<readonly Json[] | undefined>;
  /** One transaction; an empty script is none. */
  applyScript(script: string): Promise<void>;
}

/** Opening asks nothing of the kernel: one without IPVS is found out when something is observed. */
export function openIpvsKernel(netns: string | undefined, lifetime: Lifetime): IpvsKernel {
  const place = netns === undefined ? {} : { netns };
  const ipvs = openIpvs(netns);
  lifetime.defer('IPVS door', () => ipvs.close());
  const netlink = openNetlink(netns);
  lifetime.defer('netlink door of IPVS', () => netlink.close());
  return {
    netns,
    ipvs,
    netlink,
    listTable: () => listNftTable(IPVS_TABLE, place),
    applyScript: (script) => (script === '' ? Promise.resolve() : applyNft(script, place)),
  };
}
