// The program in the drivers of the node's uplinks, where the cluster's settings ask for it: one entry, because it is wanted on all of them.
// A driver that takes none is no failure while another one does: there the programs behind the stack's door carry everything, as they do anyway
// what the driver's program leaves to them.

import { FairleadError, hasCode } from '../../base/errors.ts';
import type { ServiceView } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import type { XdpLinks } from '../shared-bpf/xdp-links.ts';
import { wantedLinks, type NodeLinksDoors } from './node-links-target.ts';

export type XdpDoors = Pick<NodeLinksDoors, 'maps' | 'netlink'> & { readonly xdp: XdpLinks };

const KEY = 'uplinks';
const NONE: ReadonlyMap<string, UplinkXdp> = new Map();
const WHOLE = entryOf(true);

/** Whether every uplink whose driver takes the program has it; what is wanted is whole. */
export interface UplinkXdp {
  readonly isWhole: boolean;
}

export function renderXdp({ cluster }: ServiceView): ReadonlyMap<string, UplinkXdp> {
  return cluster.hasXdp === true ? WHOLE : NONE;
}

function entryOf(isWhole: boolean): ReadonlyMap<string, UplinkXdp> {
  return new Map([[KEY, { isWhole }]]);
}

export function xdpTarget(doors: XdpDoors): Target<UplinkXdp> {
  const { xdp } = doors;
  /** Uplinks whose drivers take no program. */
  let refusing: ReadonlySet<number> = new Set();
  return {
    name: 'service-ebpf-xdp',
    observe: async () => {
      if (xdp.list().length === 0) return NONE;
      return entryOf((await uplinksOf(doors)).every((it) => xdp.isAttached(it) || refusing.has(it)));
    },
    isEqual: (a, b) => a.isWhole === b.isWhole,
    update: async () => {
      const uplinks = await uplinksOf(doors);
      for (const it of xdp.list()) if (!uplinks.includes(it)) xdp.detach(it);
      const refusals = new Map(uplinks.flatMap((it) => attach(xdp, it)));
      refusing = new Set(refusals.keys());
      const [refusal] = refusals.values();
      return uplinks.length > refusals.size || refusal === undefined ? new Map() : new Map([[KEY, refusal]]);
    },
    // oxlint-disable-next-line typescript/require-await -- the calls block; callers treat them as the I/O that they are
    delete: async () => {
      for (const it of xdp.list()) xdp.detach(it);
      return new Map();
    },
    print: (verb) => [verb === 'delete' ? 'detach XDP from the uplinks' : 'attach XDP to the uplinks'],
  };
}

/** Why the driver takes no program, with the link's index; nothing where it does. */
function attach(xdp: XdpLinks, ifindex: number): readonly (readonly [number, FairleadError])[] {
  try {
    xdp.attach(ifindex);
    return [];
  } catch (error) {
    if (!(error instanceof FairleadError) || !hasCode(error, 'unsupported')) throw error;
    return [[ifindex, error]];
  }
}

async function uplinksOf(doors: XdpDoors): Promise<readonly number[]> {
  return (await wantedLinks(doors)).filter(({ isTunnel }) => !isTunnel).map((it) => it.ifindex);
}
