// IPVS in memory: services, destinations, connections given by hand. It can be told to refuse, and tells of every change.

import { FairleadError, type ErrorCode } from '../../src/base/errors.ts';
import type { Ip } from '../../src/base/ip.ts';
import { kernelError } from '../../src/sys/errno.ts';
import { ipvsKeyText, type Ipvs } from '../../src/sys/ipvs.ts';
import type { IpvsChange, IpvsDestinationState, IpvsKey, IpvsService } from '../../src/wire/netlink/ipvs.ts';

const ENOBUFS = 105;

/** What a kernel in need refuses: asked before everything that is done. */
export interface IpvsHooks {
  isRefused(what: 'change' | 'list'): boolean;
  afterChange(): void;
}

export const NO_IPVS_HOOKS: IpvsHooks = { isRefused: () => false, afterChange: () => undefined };

interface Held {
  readonly service: IpvsService;
  readonly to: ReadonlyMap<string, IpvsDestinationState>;
}

export class FakeIpvs implements Ipvs {
  readonly held: Map<string, Held>;
  /** By the destination's address. */
  readonly connections: Map<Ip, number>;
  readonly #hooks: IpvsHooks;

  constructor(
    hooks: IpvsHooks = NO_IPVS_HOOKS,
    held: ReadonlyMap<string, Held> = new Map(),
    connections: ReadonlyMap<Ip, number> = new Map(),
  ) {
    this.#hooks = hooks;
    this.held = new Map(held);
    this.connections = new Map(connections);
  }

  /** As it is now, whatever happens to this one; without hooks. */
  copy(): FakeIpvs {
    return new FakeIpvs(NO_IPVS_HOOKS, this.held, this.connections);
  }

  isPresent = (): boolean => true;
  close = (): void => undefined;

  services = async (): Promise<readonly IpvsService[]> => {
    this.#maySay('list virtual services');
    return Promise.resolve([...this.held.values()].map((it) => it.service));
  };

  destinations = async (key: IpvsKey): Promise<readonly IpvsDestinationState[]> => {
    this.#maySay(`list destinations of ${ipvsKeyText(key)}`);
    const found = this.held.get(ipvsKeyText(key))?.to.values() ?? [];
    const counted = [...found].map((it) => ({
      ...it,
      activeConnections: this.connections.get(it.ip) ?? 0,
    }));
    return Promise.resolve(counted);
  };

  apply: Ipvs['apply'] = (changes) => {
    const refusals = new Map<number, FairleadError>();
    for (const [at, it] of changes.entries()) {
      const action = `${it.verb} ${it.kind}`;
      if (this.#hooks.isRefused('change')) {
        refusals.set(at, kernelError({ action, errno: ENOBUFS }));
        continue;
      }
      const code = it.kind === 'service' ? this.#changeService(it) : this.#changeDestination(it);
      if (code !== undefined) refusals.set(at, new FairleadError(code, `Cannot ${action}`));
      this.#hooks.afterChange();
    }
    return refusals;
  };

  #maySay(action: string): void {
    if (this.#hooks.isRefused('list')) throw kernelError({ action, errno: ENOBUFS });
  }

  #changeService({ verb, service }: Extract<IpvsChange, { kind: 'service' }>): ErrorCode | undefined {
    const key = ipvsKeyText(service.key);
    const known = this.held.get(key);
    if (verb === 'add' && known !== undefined) return 'already-exists';
    if (verb !== 'add' && known === undefined) return 'not-found';
    if (verb === 'delete') this.held.delete(key);
    else this.held.set(key, { service, to: known?.to ?? new Map() });
    return undefined;
  }

  #changeDestination(change: Extract<IpvsChange, { kind: 'destination' }>): ErrorCode | undefined {
    const { verb, key, destination } = change;
    const known = this.held.get(ipvsKeyText(key));
    const name = `${destination.ip} ${destination.port}`;
    if (known === undefined || (verb !== 'add' && !known.to.has(name))) return 'not-found';
    if (verb === 'add' && known.to.has(name)) return 'already-exists';
    const counts = { activeConnections: 0, inactiveConnections: 0, persistentClients: 0 };
    const to = new Map(known.to);
    if (verb === 'delete') to.delete(name);
    else to.set(name, { ...destination, ...counts });
    this.held.set(ipvsKeyText(key), { ...known, to });
    return undefined;
  }
}
