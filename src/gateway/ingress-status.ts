// What the statuses of Ingresses are to be: the addresses of their class' proxy, and of none where they are of the class no more. Pure.

import { isDeepStrictEqual } from 'node:util';
import type { IngressVerdict } from '../model/ingress-verdict.ts';
import { objectKey } from '../objects/slim-meta.ts';
import { writeOf, type StatusWrite } from './gateway-status.ts';
import type { SeenStatus } from './seen-status.ts';

export interface IngressStatusInputs {
  readonly verdicts: readonly IngressVerdict[];
  /** Of the Service; empty until it has some. */
  readonly addresses: readonly string[];
  /** Of all Ingresses, by "namespace/name". */
  readonly seen: ReadonlyMap<string, SeenStatus>;
}

export function ingressStatusWrites({
  verdicts,
  addresses,
  seen,
}: IngressStatusInputs): readonly StatusWrite[] {
  const served = new Set(verdicts.map(objectKey));
  const own = addresses.map((ip) => ({ ip }));
  return [...seen].flatMap(([key, before]) => {
    const shown = shownIn(before);
    const isOurs = served.has(key);
    // Addresses of somebody else's are theirs to take away. Those that are ours stand in no other's status but by us.
    if (!isOurs && (own.length === 0 || !isDeepStrictEqual(ipsOf(shown), addresses))) return [];
    const [namespace = '', name = ''] = key.split('/');
    // While the Service has no addresses yet, what a status says of an earlier one leads nowhere.
    const loadBalancer = isOurs && own.length > 0 ? { ingress: own } : NOWHERE;
    if (isDeepStrictEqual(ipsOf(shown), isOurs ? addresses : [])) return [];
    return writeOf('Ingress', { namespace, name }, before, { ...before.status, loadBalancer });
  });
}

/** A patch leaves what it does not name. */
const NOWHERE = { ingress: null };

function shownIn({ status }: SeenStatus): readonly unknown[] {
  const { ingress } = (status['loadBalancer'] ?? {}) as { readonly ingress?: unknown };
  return Array.isArray(ingress) ? (ingress as readonly unknown[]) : [];
}

/** Undefined for an entry that says more than an address, as no entry of ours does. */
function ipsOf(entries: readonly unknown[]): readonly (string | undefined)[] {
  return entries.map((it) => {
    const { ip, ...others } = (it ?? {}) as { readonly ip?: string };
    return Object.keys(others).length === 0 ? ip : undefined;
  });
}
