// The programs on the node's own links, and the addresses that they hide outside clients behind: one entry, because they work together.
// Which links there are is the kernel's to say: those with an address that others can reach, pods' host sides excepted.

import { isDeepStrictEqual } from 'node:util';
import { FairleadError } from '../../base/errors.ts';
import { familyOf, parseIp, type Ip } from '../../base/ip.ts';
import type { ServiceView } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import type { NodeLink, NodeLinks } from '../shared-bpf/node-links.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { TUNNEL_LINK } from '../shared-node/tunnel-link.ts';

/** The address of each family behind which outside clients are hidden. */
export interface NodeLinksEntry {
  readonly ipv4: Ip | undefined;
  readonly ipv6: Ip | undefined;
}

export interface NodeLinksDoors {
  readonly maps: NodeMaps;
  readonly links: NodeLinks;
  readonly netlink: Pick<Netlink, 'links' | 'addresses'>;
  /** In the units of `flow.lastUsed`. */
  readonly flowClock: () => number;
}

const KEY = 'node links';
const NO_IP = parseIp('::');
/** A flow of an outside client that has been silent for so long is taken for ended (HIDING_IDLE in bpf/lib/node_service.h). */
const IDLE = 256;

export function renderNodeLinks({ node }: ServiceView): ReadonlyMap<string, NodeLinksEntry> {
  const first = (family: 4 | 6): Ip | undefined => node.addresses.find((ip) => familyOf(ip) === family);
  return new Map([[KEY, { ipv4: first(4), ipv6: first(6) }]]);
}

export function nodeLinksTarget(doors: NodeLinksDoors): Target<NodeLinksEntry> {
  const { maps, links } = doors;
  return {
    name: 'service-ebpf-node-links',
    observe: async () => observeLinks(doors),
    isEqual: (a, b) => a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6,
    update: async (entries) => {
      for (const entry of entries.values()) await updateLinks(doors, entry);
      return new Map();
    },
    // oxlint-disable-next-line typescript/require-await -- the calls block; callers treat them as the I/O that they are
    delete: async (entries) => {
      links.leave();
      const flows = maps.flows.entries().filter(([, it]) => isAlive(it.lastUsed, doors.flowClock())).length;
      if (flows > 0) {
        const draining = new FairleadError(
          'draining',
          `Cannot take Services off the node's links: ${flows} translations of outside clients are in use`,
        );
        return new Map([...entries.keys()].map((key) => [key, draining]));
      }
      for (const { ifindex } of links.list()) links.detach(ifindex);
      return new Map();
    },
    print: (verb) => [
      verb === 'delete' ? 'detach node programs' : 'attach node programs to the links of the node',
    ],
  };
}

function isAlive(lastUsed: number, now: number): boolean {
  return lastUsed !== 0 && now - lastUsed <= IDLE;
}

/** Absent where a link lacks its programs, so that it is written again; present as long as anything has to come off. */
async function observeLinks(doors: NodeLinksDoors): Promise<ReadonlyMap<string, NodeLinksEntry>> {
  const { maps, links } = doors;
  const attached = links.list();
  if (attached.length === 0) return new Map();
  const isWhole = (await wantedLinks(doors)).every(
    (link) => links.isAttached(link.ifindex) && attached.some((it) => isDeepStrictEqual(it, link)),
  );
  const [ipv4, ipv6] = [0, 1].map((index) => maps.nodeAddresses.lookup({ index })?.ip);
  // Addresses that nobody has: the entry differs from any that is wanted, and still is there to be deleted.
  if (!isWhole || links.isLeaving()) return new Map([[KEY, { ipv4: NO_IP, ipv6: NO_IP }]]);
  return new Map([
    [KEY, { ipv4: ipv4 === NO_IP ? undefined : ipv4, ipv6: ipv6 === NO_IP ? undefined : ipv6 }],
  ]);
}

async function updateLinks(doors: NodeLinksDoors, { ipv4, ipv6 }: NodeLinksEntry): Promise<void> {
  const { maps, links } = doors;
  // Addresses first: a program that hides a client without one drops the packet.
  for (const [index, ip] of [ipv4, ipv6].entries()) maps.nodeAddresses.update({ index }, { ip: ip ?? NO_IP });
  const wanted = await wantedLinks(doors);
  for (const link of wanted) links.attach(link);
  for (const { ifindex } of links.list())
    if (!wanted.some((it) => it.ifindex === ifindex)) links.detach(ifindex);
}

const LINK_LOCAL = /^(fe[89ab]|169\.254\.|127\.|::1$)/;

/** The links by which others reach the node. */
export async function wantedLinks({
  maps,
  netlink,
}: Pick<NodeLinksDoors, 'maps' | 'netlink'>): Promise<readonly NodeLink[]> {
  const pods = new Set(maps.podInterfaces.entries().map(([{ ifindex }]) => ifindex));
  const reachable = new Set(
    (await netlink.addresses()).filter(({ ip }) => !LINK_LOCAL.test(ip)).map((it) => it.link),
  );
  return (await netlink.links())
    .filter(({ name, index }) => name !== 'lo' && reachable.has(name) && !pods.has(index))
    .map(({ name, index, kind }) => ({
      ifindex: index,
      isTunnel: name === TUNNEL_LINK,
      isVeth: kind === 'veth',
    }));
}
