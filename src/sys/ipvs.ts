// IPVS of a namespace: virtual services and destinations are listed, added, changed and deleted. Knows no Service of Kubernetes.

import { isNotFound } from '../base/errors.ts';
import { decodeFamilyId, encodeGetFamily } from '../wire/netlink/generic.ts';
import {
  decodeDestination,
  decodeService,
  encodeDestinationChange,
  encodeListDestinations,
  encodeListServices,
  encodeServiceChange,
  IPVS_FAMILY,
  type IpvsDestination,
  type IpvsDestinationState,
  type IpvsKey,
  type IpvsService,
  type IpvsVerb,
} from '../wire/netlink/ipvs.ts';
import { kernelError } from './errno.ts';
import { NETLINK_GENERIC, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

const ENOENT = 2;
/** No such virtual service (ip_vs_genl_set_cmd). */
const ESRCH = 3;

/** The door to IPVS. Errors carry `already-exists` and `not-found` where the kernel says so. */
export interface Ipvs {
  /** Whether this kernel has IPVS; asking loads its module where there is one. A module that comes later is not found by this door. */
  isPresent(): boolean;
  services(): Promise<readonly IpvsService[]>;
  /** Empty where there is no such service. */
  destinations(key: IpvsKey): Promise<readonly IpvsDestinationState[]>;
  changeService(verb: IpvsVerb, service: IpvsService): void;
  changeDestination(verb: IpvsVerb, key: IpvsKey, destination: IpvsDestination): void;
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

  changeService(verb: IpvsVerb, service: IpvsService): void {
    const action = `${verb} virtual service ${ipvsKeyText(service.key)}`;
    const detail = verb === 'delete' ? '' : ` with scheduler "${service.scheduler}"`;
    this.#request(action + detail, encodeServiceChange(this.#familyId(), verb, service));
  }

  changeDestination(verb: IpvsVerb, key: IpvsKey, destination: IpvsDestination): void {
    const action = `${verb} destination ${hostPort(destination)} of ${ipvsKeyText(key)}`;
    this.#request(action, encodeDestinationChange(this.#familyId(), verb, { key, destination }));
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

  #request(action: string, message: Uint8Array): void {
    const { errno, text } = this.#socket.request(message);
    if (errno === 0) return;
    const code = errno === ESRCH || errno === ENOENT ? 'not-found' : undefined;
    throw kernelError({ action, errno, detail: text, code });
  }

  #familyId(): number {
    const action = 'find IPVS in this kernel';
    this.#family ??= this.#askFamily(action);
    if (this.#family === 0) throw kernelError({ action, errno: ENOENT });
    return this.#family;
  }
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
