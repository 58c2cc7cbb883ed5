// Which schedulers a Service may ask for, and how a row is printed. Pure.

import { FairleadError } from '../../base/errors.ts';
import type { IpvsRow } from './row.ts';

const IPVS_SCHEDULERS: readonly string[] = ['rr', 'lc', 'dh', 'sh', 'wrr', 'wlc', 'sed', 'nq', 'mh'];

/** What is wrong with a name in the cluster's settings, undefined where nothing is. */
export function schedulerProblem(name: string | undefined): string | undefined {
  if (name === undefined || IPVS_SCHEDULERS.includes(name)) return undefined;
  return `no IPVS scheduler "${name}"; known are ${IPVS_SCHEDULERS.join(', ')}`;
}

/** Throws `invalid` for a name that IPVS does not have, or that we have not tried. */
export function refuseUnknownScheduler({ service, inside }: IpvsRow): void {
  if (inside === undefined || IPVS_SCHEDULERS.includes(inside.scheduler)) return;
  throw new FairleadError(
    'invalid',
    `Cannot balance Service ${service}: no IPVS scheduler "${inside.scheduler}", known are ${IPVS_SCHEDULERS.join(', ')}`,
  );
}

/** As `ipvsadm` and `nft` would be told. */
export function printRow(verb: 'update' | 'delete', key: string, row: IpvsRow): readonly string[] {
  if (verb === 'delete') return [`delete virtual service ${key}`];
  const parts = [
    ['', row.inside],
    [' for outside clients', row.outside],
  ] as const;
  return parts.flatMap(([whose, it]) => {
    if (it === undefined) return [];
    const to = it.destinations.map(({ ip, port }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`);
    return [`replace virtual service ${key}${whose} (${it.scheduler}) to ${to.join(', ') || 'nobody'}`];
  });
}
