// IPVS of a namespace: virtual services and destinations are listed, added, changed and deleted. Knows no Service of Kubernetes.

import { isNotFound, type FairleadError } from '../base/errors.ts';
import { decodeFamilyId, encodeGetFamily } from '../wire/netlink/generic.ts';
import {
  decodeDestination,
  decodeService,
  encodeIpvsChange,
  encodeListDestinations,
  encodeListServices,
  IPVS_FAMILY,
  type IpvsChange,
  type IpvsDestination,
  type IpvsDestinationState,
  type IpvsKey,
  type IpvsService,
} from '../wire/netlink/ipvs.ts';
import { kernelError } from './errno.ts';
import { NETLINK_GENERIC, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

const ENOENT = 2;
/** No such virtual service (ip_vs_genl_set_cmd). */
const ESRCH = 3;
/** The kernel takes a datagram whole: this bounds the memory that it asks for at once. */
const CHANGES_PER_DATAGRAM = 1000;

/** The door to IPVS. Errors carry `already-exists` and `not-found` where the kernel says so. */
export interface Ipvs {
  /** Whether this kernel has IPVS; asking loads its module where there is one. A module that comes later is not found by this door. */
  isPresent(): boolean;
  services(): Promise<readonly IpvsService[]>;
  /** Empty where there is no such service. */
  destinations(key: IpvsKey): Promise<readonly IpvsDestinationState[]>;
  /** Makes all of them, in their order; those that the kernel refused, by position, have not happened. Each stands for itself. */
  apply(changes: readonly IpvsChange[]): ReadonlyMap<number, FairleadError>;
  close(): void;
}

/** Opens the door in a namespace (default: the process' own); `close()` it. */
export function openIpvs(netns?: Netns | string): Ipvs {
  const open = (): NetlinkSocket => new NetlinkSocket(NETLINK_GENERIC);
  return new KernelIpvs(netns === undefined ? open() : inNetns(netns, open));
}

class KernelIpvs implements Ipvs {
  readonly #socket: NetlinkSocket;
  /** 0 where the kernel has none: asking again would make it look for its module each time. */
  #family: number | undefined;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  isPresent(): boolean {
    this.#family ??= this.#askFamily('find IPVS in this kernel');
    return this.#family !== 0;
  }

  services(): Promise<readonly IpvsService[]> {
    const message = encodeListServices(this.#familyId());
    return this.#socket.dump('list virtual services', message, decodeService);
  }

  async destinations(key: IpvsKey): Promise<readonly IpvsDestinationState[]> {
    const message = encodeListDestinations(this.#familyId(), key);
    return this.#socket.dump(`list destinations of ${ipvsKeyText(key)}`, message, decodeDestination);
  }

  apply(changes: readonly IpvsChange[]): ReadonlyMap<number, FairleadError> {
    const family = this.#familyId();
    const refusals = new Map<number, FairleadError>();
    for (let from = 0; from < changes.length; from += CHANGES_PER_DATAGRAM) {
      const some = changes.slice(from, from + CHANGES_PER_DATAGRAM);
      const messages = some.map((it) => encodeIpvsChange(family, it));
      for (const [at, { errno, text }] of this.#socket.pipeline('change IPVS', messages))
        refusals.set(from + at, refusal(some[at], errno, text));
    }
    return refusals;
  }

  close(): void {
    this.#socket.close();
  }

  #askFamily(action: string): number {
    try {
      return this.#socket.get(action, encodeGetFamily(IPVS_FAMILY), decodeFamilyId) ?? 0;
    } catch (error) {
      if (isNotFound(error)) return 0;
      throw error;
    }
  }

  #familyId(): number {
    const action = 'find IPVS in this kernel';
    this.#family ??= this.#askFamily(action);
    if (this.#family === 0) throw kernelError({ action, errno: ENOENT });
    return this.#family;
  }
}

function refusal(change: IpvsChange | undefined, errno: number, detail: string | undefined): FairleadError {
  const code = errno === ESRCH || errno === ENOENT ? 'not-found' : undefined;
  return kernelError({
    action: change === undefined ? 'change IPVS' : changeText(change),
    errno,
    detail,
    code,
  });
}

function changeText(change: IpvsChange): string {
  const { kind, verb } = change;
  if (kind === 'destination')
    return `${verb} destination ${hostPort(change.destination)} of ${ipvsKeyText(change.key)}`;
  const detail = verb === 'delete' ? '' : ` with scheduler "${change.service.scheduler}"`;
  return `${verb} virtual service ${ipvsKeyText(change.service.key)}${detail}`;
}

/** "TCP 10.96.0.1:80", "mark 16777217 of IPv4". */
export function ipvsKeyText(key: IpvsKey): string {
  return key.kind === 'mark'
    ? `mark ${key.mark} of IPv${key.family}`
    : `${key.protocol} ${hostPort({ ip: key.ip, port: key.port })}`;
}

function hostPort({ ip, port }: Pick<IpvsDestination, 'ip' | 'port'>): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
