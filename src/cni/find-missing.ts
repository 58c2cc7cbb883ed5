// Which of some changes are not in force on a link: the reading half of CHECK. Knows only changes that a pod's plumbing has.

import { isNotFound } from '../base/errors.ts';
import type { Mac } from '../base/mac.ts';
import type { InterfaceAddress, Neighbour, Netlink, NetlinkChange, Route } from '../sys/netlink-types.ts';

/** One end of a pod's veth and what it must look like. */
export interface Side {
  readonly where: 'node' | 'pod';
  readonly netlink: Netlink;
  readonly link: string;
  readonly mac: Mac;
  readonly mtuBytes: number;
}

interface Observed {
  readonly addresses: readonly InterfaceAddress[];
  readonly neighbours: readonly Neighbour[];
  readonly routes: readonly Route[];
}

/** One line per finding: "pod: link eth0 has MTU 1400, not 1450". Empty where all is well. */
export async function findMissing(side: Side, changes: readonly NetlinkChange[]): Promise<readonly string[]> {
  const { where, netlink, link: name } = side;
  const link = await netlink.link(name);
  if (link === undefined) return [`${where}: link ${name} is missing`];
  const observed = await observe(side);
  if (observed === undefined) return [`${where}: link ${name} is missing`];
  const findings = [
    ...(link.isUp ? [] : [`link ${name} is down`]),
    ...(link.mtuBytes === side.mtuBytes
      ? []
      : [`link ${name} has MTU ${link.mtuBytes}, not ${side.mtuBytes}`]),
    ...(link.mac === side.mac ? [] : [`link ${name} has address ${link.mac}, not ${side.mac}`]),
    ...changes.flatMap((change) => missing(change, observed)),
  ];
  return findings.map((finding) => `${where}: ${finding}`);
}

async function observe({ netlink, link }: Side): Promise<Observed | undefined> {
  try {
    const [addresses, neighbours, routes] = await Promise.all([
      netlink.addresses(link),
      netlink.neighbours(link),
      netlink.routes({ link }),
    ]);
    return { addresses, neighbours, routes };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function missing(change: NetlinkChange, observed: Observed): readonly string[] {
  switch (change.kind) {
    case 'add-address': {
      const { ip, prefixLength } = change;
      const isThere = observed.addresses.some((it) => it.ip === ip && it.prefixLength === prefixLength);
      return isThere ? [] : [`address ${ip}/${prefixLength} is missing`];
    }
    case 'replace-neighbour': {
      const { ip, mac } = change;
      const isThere = observed.neighbours.some((it) => it.ip === ip && it.mac === mac && it.isPermanent);
      return isThere ? [] : [`permanent neighbour ${ip} with ${mac} is missing`];
    }
    case 'replace-route': {
      const { destination, gateway } = change;
      const isThere = observed.routes.some((it) => it.destination === destination && it.gateway === gateway);
      return isThere
        ? []
        : [`route ${destination}${gateway === undefined ? '' : ` via ${gateway}`} is missing`];
    }
    default:
      return [];
  }
}
