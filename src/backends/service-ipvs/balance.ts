// Virtual services and their destinations: brought to a wish, emptied, removed. New ones come before old ones go.

import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { Ipvs } from '../../sys/ipvs.ts';
import type { IpvsDestinationState, IpvsKey, IpvsService } from '../../wire/netlink/ipvs.ts';
import { destinationKey, type Balancing, type SeparateBalancing } from './row.ts';
import { FIRST_SERVICE_MARK, MASQUERADE_BIT, SERVICE_MARK_COUNT } from './table.ts';

/** Makes the service or brings it to the wish; `keepsFlows` leaves a destination that goes in place, without new flows, while it has any. */
export async function balance(
  ipvs: Ipvs,
  key: IpvsKey,
  wish: Balancing & { readonly keepsFlows: boolean },
): Promise<void> {
  const isNew = addOrSet(ipvs, { key, scheduler: wish.scheduler, persistenceS: wish.persistenceS });
  const present = isNew ? [] : await ipvs.destinations(key);
  const byKey = new Map(present.map((it) => [destinationKey(it), it]));
  for (const destination of wish.destinations) {
    const known = byKey.get(destinationKey(destination));
    if (known === undefined) ipvs.changeDestination('add', key, destination);
    else if (known.weight !== destination.weight) ipvs.changeDestination('set', key, destination);
  }
  const wanted = new Set(wish.destinations.map(destinationKey));
  await retire(
    ipvs,
    key,
    present.filter((it) => !wanted.has(destinationKey(it))),
    wish.keepsFlows,
  );
}

/** Removes a service; where flows have to live it stays, without new ones, and true is given. */
export async function unbalance(ipvs: Ipvs, key: IpvsKey, keepsFlows: boolean): Promise<boolean> {
  const present = keepsFlows ? await ipvs.destinations(key) : [];
  if (await retire(ipvs, key, present, keepsFlows)) return true;
  orGone(() => ipvs.changeService('delete', { key, scheduler: '', persistenceS: 0 }));
  return false;
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
  for (let tries = 0; ; tries++) {
    const mark = (FIRST_SERVICE_MARK + at) | (wish.isHidden ? MASQUERADE_BIT : 0);
    try {
      ipvs.changeService('add', { key: { kind: 'mark', family, mark }, scheduler, persistenceS });
      return mark;
    } catch (error) {
      if (!isAlreadyExists(error) || tries >= SERVICE_MARK_COUNT) throw error;
      at = (at + 1) % SERVICE_MARK_COUNT;
    }
  }
}

/** True where the service is new. */
function addOrSet(ipvs: Ipvs, service: IpvsService): boolean {
  try {
    ipvs.changeService('add', service);
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    ipvs.changeService('set', service);
    return false;
  }
}

/** Whether any stays. The weight goes before the question, so that no flow begins between the answer and the removal. */
async function retire(
  ipvs: Ipvs,
  key: IpvsKey,
  destinations: readonly IpvsDestinationState[],
  keepsFlows: boolean,
): Promise<boolean> {
  if (destinations.length === 0) return false;
  const gone = new Set(destinations.map(destinationKey));
  for (const it of destinations)
    if (it.weight !== 0) orGone(() => ipvs.changeDestination('set', key, { ...it, weight: 0 }));
  let stays = false;
  for (const it of keepsFlows ? await ipvs.destinations(key) : destinations) {
    if (!gone.has(destinationKey(it))) continue;
    if (keepsFlows && it.activeConnections + it.inactiveConnections > 0) stays = true;
    else orGone(() => ipvs.changeDestination('delete', key, it));
  }
  return stays;
}

function orGone(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}
