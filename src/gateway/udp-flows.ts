// Which tracked flows of a Gateway's pod lead past what its UDP listeners are now. Pure.

import { familyOf } from '../base/ip.ts';
import { PROTOCOL_NUMBERS } from '../base/port.ts';
import type { ProxyModel } from '../model/gateway.ts';
import type { TrackedFlow } from '../wire/netlink/conntrack.ts';

/** By listeners' ports: "ip port" of all endpoints that a new flow may be led to. */
export type UdpLeads = ReadonlyMap<number, ReadonlySet<string>>;

export function leadsOf({ udpPorts, backends }: Pick<ProxyModel, 'udpPorts' | 'backends'>): UdpLeads {
  return new Map(
    udpPorts.map(({ port, target }) => {
      const chosen = (target?.backends ?? []).filter((it) => it.weight > 0);
      const endpoints = chosen.flatMap(({ backend }) => backends.get(backend ?? '')?.endpoints ?? []);
      return [port, new Set(endpoints.map((it) => endText(it.ip, it.port)))];
    }),
  );
}

/**
 * True for one whose client is to be led anew. Nobody else translates in the pod; of its own questions to a server at a listener's port some are forgotten with
 * these, which does nothing to their answers.
 */
export function isStaleFlow({ protocol, zone, original, reply }: TrackedFlow, leads: UdpLeads): boolean {
  if (protocol !== PROTOCOL_NUMBERS.UDP || zone !== 0) return false;
  const endpoints = leads.get(original.destinationPort);
  const isLed = original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
  if (isLed) return endpoints?.has(endText(reply.source, reply.sourcePort)) !== true;
  // It came before there was anywhere to lead it, and a client that goes on would stay with the pod itself.
  const family = familyOf(original.source);
  return [...(endpoints ?? [])].some((it) => it.includes(':') === (family === 6));
}

function endText(ip: string, port: number): string {
  return `${ip} ${port}`;
}
