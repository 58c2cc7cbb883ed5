// Which server of a HAProxy backend stands for which endpoint. Servers are never deleted (HAProxy 2.6.12 crashes on it), they rest and are used again. Pure.

import type { Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';

export interface Endpoint {
  readonly ip: Ip;
  readonly port: Port;
}

export interface ServerSlot {
  /** "s1": the name in HAProxy. */
  readonly name: string;
  /** Where it leads; for one that rests, where it led last. */
  readonly ip: string;
  readonly port: number;
  readonly isReady: boolean;
  /** How it speaks: what `add server` was told, which nothing changes later. */
  readonly options: string;
}

export type ServerChange =
  | { readonly kind: 'add'; readonly server: ServerSlot }
  /** A resting server gets another address; HAProxy closes its idle connections to the old one. */
  | { readonly kind: 'use'; readonly server: ServerSlot }
  | { readonly kind: 'rest'; readonly server: ServerSlot };

export interface ServerPlan {
  /** In this order; `rest` after whatever leads requests elsewhere. */
  readonly changes: readonly ServerChange[];
  readonly servers: readonly ServerSlot[];
}

/** Servers that a new backend has from the start: two, of 5.5 KB each; it grows by itself. */
export const FIRST_SERVERS = 2;
/** Where a server leads that has had no endpoint yet. It is never ready. */
export const NOWHERE = { ip: '127.0.0.1', port: 1 };

/**
 * Brings the servers of one backend to its endpoints. `isBusy` tells a resting server whose connections have not ended: HAProxy keeps connections by server and
 * not by address, and that none of these comes back to serve the next endpoint is nothing to bet on.
 */
export function planServers(
  current: readonly ServerSlot[],
  wanted: { readonly endpoints: readonly Endpoint[]; readonly options: string },
  isBusy: (server: ServerSlot) => boolean,
): ServerPlan {
  const { endpoints, options } = wanted;
  // Servers of before a restart may be missing in between.
  let number = Math.max(0, ...current.map((it) => Number(it.name.slice(1))));
  const missing = new Map(endpoints.map((it) => [endpointKey(it), it]));
  const servers = new Map(current.map((it) => [it.name, it]));
  const rests: ServerChange[] = [];
  for (const server of current.filter((it) => it.isReady)) {
    if (server.options === options && missing.delete(endpointKey(server))) continue;
    rests.push(put(servers, 'rest', { ...server, isReady: false }));
  }
  const free = current.filter((it) => !it.isReady && it.options === options);
  // A server that led to the very same endpoint needs no new address, whatever its connections do.
  const back = free.filter((it) => missing.delete(endpointKey(it)));
  const uses = back.map((it) => put(servers, 'use', { ...it, isReady: true }));
  const idle = missing.size === 0 ? [] : free.filter((it) => !back.includes(it) && !isBusy(it));
  for (const { ip, port } of missing.values()) {
    const server = idle.shift();
    if (server !== undefined) uses.push(put(servers, 'use', { ...server, ip, port, isReady: true }));
    else {
      const name = `s${++number}`;
      uses.push(put(servers, 'add', { name, ip, port, isReady: true, options }));
    }
  }
  return { changes: [...uses, ...rests], servers: [...servers.values()] };
}

/** Of a backend that starts with these endpoints: all in the configuration, with room for some more. */
export function firstServers(endpoints: readonly Endpoint[], options: string): readonly ServerSlot[] {
  const ready = endpoints.map(({ ip, port }, i) => ({ name: `s${i + 1}`, ip, port, isReady: true, options }));
  const blanks = Array.from({ length: Math.max(0, FIRST_SERVERS - ready.length) }, (_, i) => ({
    name: `s${ready.length + i + 1}`,
    ...NOWHERE,
    isReady: false,
    options,
  }));
  return [...ready, ...blanks];
}

function endpointKey({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return `${ip} ${port}`;
}

function put(servers: Map<string, ServerSlot>, kind: ServerChange['kind'], server: ServerSlot): ServerChange {
  servers.set(server.name, server);
  return { kind, server };
}
