// What the kernel holds for one frontend, and when two such rows are the same. Pure.

import type { Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { IpvsDestination } from '../../wire/netlink/ipvs.ts';

export interface IpvsRow {
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  /** "namespace/name" for errors; empty in rows that were observed. */
  readonly service: string;
  /**
   * Whether the dummy device carries the address, and whether it is for frontends alone: then its other ports are refused. `in part` is of those that
   * were observed: device and table differ.
   */
  readonly address: 'not carried' | 'carried' | 'exclusive' | 'in part';
  readonly inside: Balancing | undefined;
  /** Outside clients where they have other endpoints: a virtual service of its own, found by a mark. */
  readonly outside: SeparateBalancing | undefined;
  /** Elements of the table as "<set> <key>" or "<map> <key> : <value>", sorted. */
  readonly elements: readonly string[];
}

/** A virtual service. */
export interface Balancing {
  readonly scheduler: string;
  readonly persistenceS: number;
  readonly destinations: readonly RowDestination[];
}

export interface SeparateBalancing extends Balancing {
  /** Its clients are hidden behind the node, which its mark says, too. */
  readonly isHidden: boolean;
  /** Of those that were observed. */
  readonly mark?: number;
}

export interface RowDestination extends IpvsDestination {
  /** Of those that were observed. */
  readonly connections?: number;
}

export function destinationKey({ ip, port }: Pick<RowDestination, 'ip' | 'port'>): string {
  return `${ip} ${port}`;
}

/** Destinations that only wait for their last connection do not count as a difference. */
export function isSameRow(desired: IpvsRow, observed: IpvsRow): boolean {
  return (
    desired.address === observed.address &&
    desired.elements.length === observed.elements.length &&
    desired.elements.every((it, i) => it === observed.elements[i]) &&
    isSameBalancing(desired.inside, observed.inside) &&
    (desired.outside === undefined || desired.outside.isHidden === observed.outside?.isHidden) &&
    isSameBalancing(desired.outside, observed.outside)
  );
}

function isSameBalancing(desired: Balancing | undefined, observed: Balancing | undefined): boolean {
  if (desired === undefined || observed === undefined)
    return desired === observed || (desired === undefined && observed !== undefined && isDraining(observed));
  const wanted = new Set(desired.destinations.map(destinationKey));
  return (
    desired.scheduler === observed.scheduler &&
    desired.persistenceS === observed.persistenceS &&
    observed.destinations.filter((it) => wanted.has(destinationKey(it)) && it.weight > 0).length ===
      wanted.size &&
    observed.destinations.every((it) => wanted.has(destinationKey(it)) || isWaiting(it))
  );
}

function isDraining({ destinations }: Balancing): boolean {
  return destinations.length > 0 && destinations.every(isWaiting);
}

function isWaiting({ weight, connections }: RowDestination): boolean {
  return weight === 0 && (connections ?? 0) > 0;
}
