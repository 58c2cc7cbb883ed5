// Keeps the host's routes to load balancers' addresses: one per address, by the cluster's link to the node that carries it. They go with
// the link, so that `down` leaves none; while this process is away they stay as they are.

import { cidrBase, cidrLength, hostCidr } from '../../base/cidr.ts';
import type { Clock } from '../../base/clock.ts';
import { FairleadError, isNotFound, messageOf } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { RTPROT_FAIRLEAD, type Netlink, type NetlinkChange } from '../../sys/netlink-types.ts';
import { announcedRoutes } from './announced-routes.ts';

export interface AnnouncerOptions {
  /** The host's end of the cluster's link. */
  readonly link: string;
  readonly netlink: Netlink;
  readonly cluster: ClusterReader;
  /** Resolves while all that decides is known and fresh. */
  readonly connected: (signal: AbortSignal) => Promise<void>;
  /** Calls the listener whenever something that decides has changed. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly clock: Clock;
  readonly onProblem: (error: FairleadError) => void;
}

/** A burst of changes is one look. */
const REST_MS = 20;
/** How soon what somebody else removed is put back. */
const PERIOD_MS = 5_000;
/** How soon what failed is tried again. */
const RETRY_MS = 500;

/** Runs until `signal` aborts. */
export async function runAnnouncer(options: AnnouncerOptions, signal: AbortSignal): Promise<void> {
  const { clock } = options;
  let last: string | undefined;
  let changed = Promise.withResolvers<void>();
  const end = options.subscribe(() => changed.resolve());
  while (!signal.aborted) {
    changed = Promise.withResolvers<void>();
    try {
      await options.connected(signal);
      await announce(options);
      last = undefined;
    } catch (error) {
      if (signal.aborted) break;
      const problem = asProblem(options.link, error);
      if (problem.message !== last) options.onProblem(problem);
      last = problem.message;
    }
    const asleep = new AbortController();
    const periodMs = last === undefined ? PERIOD_MS : RETRY_MS;
    const sleep = clock.sleep(periodMs, AbortSignal.any([signal, asleep.signal])).catch(() => undefined);
    await Promise.race([changed.promise, sleep]);
    asleep.abort();
    await clock.sleep(REST_MS, signal).catch(() => undefined);
  }
  end();
}

function asProblem(link: string, cause: unknown): FairleadError {
  const message = `Cannot announce load balancers on "${link}": ${messageOf(cause)}`;
  return new FairleadError('unavailable', message, { cause });
}

/** One look: what the host has becomes what the objects want. */
export async function announce({
  link,
  netlink,
  cluster,
}: Pick<AnnouncerOptions, 'link' | 'netlink' | 'cluster'>): Promise<void> {
  const wanted = announcedRoutes(cluster);
  const there = await ownRoutes(netlink, link);
  for (const [ip, gateway] of wanted) {
    if (there.get(ip) === gateway) continue;
    await netlink.apply([{ kind: 'replace-route', destination: hostCidr(ip), gateway, link }]);
  }
  for (const [ip, gateway] of there) if (!wanted.has(ip)) await remove(netlink, { link, ip, gateway });
}

async function ownRoutes(netlink: Netlink, link: string): Promise<ReadonlyMap<Ip, Ip>> {
  const routes = await netlink.routes({ table: 254, link });
  return new Map(
    routes.flatMap(({ destination, gateway, protocol }) => {
      const ip = cidrBase(destination);
      const isOwn = protocol === RTPROT_FAIRLEAD && cidrLength(destination) === cidrLength(hostCidr(ip));
      return isOwn && gateway !== undefined ? [[ip, gateway] as const] : [];
    }),
  );
}

async function remove(
  netlink: Netlink,
  { link, ip, gateway }: { readonly link: string; readonly ip: Ip; readonly gateway: Ip },
): Promise<void> {
  const change: NetlinkChange = { kind: 'delete-route', destination: hostCidr(ip), gateway, link };
  await netlink.apply([change]).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
