// Virtual services and their destinations: brought to a wish, emptied, removed. New ones come before old ones go. What belongs to one
// service goes to the kernel in one datagram.

import { FairleadError, isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { Ipvs } from '../../sys/ipvs.ts';
import type { IpvsChange, IpvsDestination, IpvsDestinationState, IpvsKey } from '../../wire/netlink/ipvs.ts';
import { destinationKey, type Balancing, type SeparateBalancing } from './row.ts';
import { FIRST_SERVICE_MARK, MASQUERADE_BIT, SERVICE_MARK_COUNT } from './table.ts';

export interface BalanceWish extends Balancing {
  /** Leaves a destination that goes in place, without new flows, while it has any. */
  readonly keepsFlows: boolean;
  /** Nothing is known of the service: it is made without a look, and looked at where the kernel refuses some of it. */
  readonly isNew: boolean;
}

/** Makes the service or brings it to the wish. */
export async function balance(ipvs: Ipvs, key: IpvsKey, wish: BalanceWish): Promise<void> {
  const service = { key, scheduler: wish.scheduler, persistenceS: wish.persistenceS };
  const addition = { kind: 'service', verb: 'add', service } as const;
  const all = wish.destinations.map(
    (destination) => ({ kind: 'destination', verb: 'add', key, destination }) as const,
  );
  if (wish.isNew && ipvs.apply([addition, ...all]).size === 0) return;
  if (!change(ipvs, [addition], isAlreadyExists)) change(ipvs, [{ ...addition, verb: 'set' }]);
  const present = await ipvs.destinations(key);
  const weights = new Map(present.map((it) => [destinationKey(it), it.weight]));
  const missing = all.flatMap((it): readonly IpvsChange[] => {
    const weight = weights.get(destinationKey(it.destination));
    if (weight === undefined) return [it];
    return weight === it.destination.weight ? [] : [{ ...it, verb: 'set' }];
  });
  change(ipvs, missing);
  const wanted = new Set(wish.destinations.map(destinationKey));
  const old = present.filter((it) => !wanted.has(destinationKey(it)));
  const busy = wish.keepsFlows ? await busyOf(ipvs, key, old) : new Set();
  removeDestinations(ipvs, key, old.filter((it) => !busy.has(destinationKey(it)))); // prettier-ignore
}

/**
 * Removes a service; where flows have to live it stays, without new ones, and true is given. `known` are destinations that it may have:
 * those take no new flows before any question is asked.
 */
export async function unbalance(
  ipvs: Ipvs,
  key: IpvsKey,
  {
    keepsFlows,
    known = [],
  }: { readonly keepsFlows: boolean; readonly known?: readonly IpvsDestination[] | undefined },
): Promise<boolean> {
  if (keepsFlows) takeNoMore(ipvs, key, known);
  const present = keepsFlows ? await ipvs.destinations(key) : [];
  const busy = await busyOf(ipvs, key, present);
  const idle = present.filter((it) => !busy.has(destinationKey(it)));
  // A service takes its destinations along.
  if (busy.size > 0) removeDestinations(ipvs, key, idle);
  else change(ipvs, [{ kind: 'service', verb: 'delete', service: { key, scheduler: '', persistenceS: 0 } }], isNotFound); // prettier-ignore
  return busy.size > 0;
}

/**
 * Adds a service for a mark that no other one has: the kernel says which are taken, so that no memory of ours has to. `seed` makes the
 * search begin at another place for each frontend.
 */
export function addMarked(
  ipvs: Ipvs,
  seed: string,
  wish: SeparateBalancing & { readonly family: Family },
): number {
  const { family, scheduler, persistenceS } = wish;
  let at = hashOf(seed) % SERVICE_MARK_COUNT;
  for (let tries = 0; tries < SERVICE_MARK_COUNT; tries++) {
    const mark = (FIRST_SERVICE_MARK + at) | (wish.isHidden ? MASQUERADE_BIT : 0);
    const service = { key: { kind: 'mark', family, mark }, scheduler, persistenceS } as const;
    if (change(ipvs, [{ kind: 'service', verb: 'add', service }], isAlreadyExists)) return mark;
    at = (at + 1) % SERVICE_MARK_COUNT;
  }
  throw new FairleadError('kernel', `Cannot add virtual service for ${seed}: every mark is taken`);
}

/** Those that have flows. The weight goes before the question, so that no flow begins between the answer and the removal. */
async function busyOf(
  ipvs: Ipvs,
  key: IpvsKey,
  destinations: readonly IpvsDestinationState[],
): Promise<ReadonlySet<string>> {
  const asked = new Set(destinations.map(destinationKey));
  const now = takeNoMore(ipvs, key, destinations) ? await ipvs.destinations(key) : destinations;
  const busy = now.filter((it) => it.activeConnections + it.inactiveConnections > 0).map(destinationKey);
  return new Set(busy.filter((it) => asked.has(it)));
}

/** False where none took any before. */
function takeNoMore(ipvs: Ipvs, key: IpvsKey, destinations: readonly IpvsDestination[]): boolean {
  const weighty = destinations.filter((it) => it.weight !== 0);
  const empty = weighty.map((it) => ({ ...it, weight: 0 }));
  change(ipvs, empty.map((destination) => ({ kind: 'destination', verb: 'set', key, destination })), isNotFound); // prettier-ignore
  return weighty.length > 0;
}

function removeDestinations(ipvs: Ipvs, key: IpvsKey, destinations: readonly IpvsDestination[]): void {
  change(ipvs, destinations.map((destination) => ({ kind: 'destination', verb: 'delete', key, destination })), isNotFound); // prettier-ignore
}

/** False where the kernel refused any in an expected way; throws what else it refused. */
function change(
  ipvs: Ipvs,
  changes: readonly IpvsChange[],
  isExpected: (error: FairleadError) => boolean = () => false,
): boolean {
  const refusals = ipvs.apply(changes);
  for (const error of refusals.values()) if (!isExpected(error)) throw error;
  return refusals.size === 0;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}
