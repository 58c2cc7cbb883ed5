// Why the data plane drops a packet, or that it forwarded or answered one: the one table for C, TypeScript, metrics and documents.

/** A reason by its number, the place in `PACKET_REASONS`; `about` is what an operator reads. */
export interface PacketReason {
  readonly name: string;
  readonly about: string;
}

/** Numbers are places in this list and part of the maps' format: append only. */
export const PACKET_REASONS = [
  { name: 'forwarded', about: 'The packet went on (a sample)' },
  { name: 'lost-event', about: 'An event was not reported because the ring was full' },
  { name: 'unknown-interface', about: 'The interface has no pod yet or any more' },
  { name: 'malformed', about: 'A header is cut off or contradicts itself' },
  { name: 'unknown-ethertype', about: 'Pods speak IPv4, IPv6 and ARP without VLAN tags' },
  { name: 'spoofed-mac', about: "The Ethernet source is not the pod's" },
  { name: 'spoofed-ip', about: "The source address is not the pod's" },
  { name: 'spoofed-arp', about: 'An ARP message speaks for another address' },
  { name: 'spoofed-neighbour', about: 'A neighbour advertisement speaks for another address' },
  { name: 'rogue-router', about: 'Pods send no router advertisements or redirects' },
  { name: 'service-no-endpoint', about: 'The Service has no endpoint, or no such port; the sender was told' },
  {
    name: 'service-unknown-flow',
    about: 'A TCP segment of a connection to a Service that is not known; the sender was told',
  },
  { name: 'service-fragment', about: 'A fragment for a Service came before the first one of its datagram' },
  { name: 'service-protocol', about: 'A Service address takes TCP, UDP and SCTP alone' },
  { name: 'translation-failed', about: 'The packet could not be rewritten' },
  {
    name: 'service-elsewhere',
    about: 'The Service has no endpoint here, but elsewhere: silence, as its traffic policy says',
  },
  { name: 'service-source-range', about: 'The sender is not in the source ranges of the Service' },
  { name: 'service-no-port', about: 'No port of the node is free to hide the sender behind' },
  {
    name: 'service-no-route',
    about: 'The node has no way to the endpoint or back to the client, or no address of the family',
  },
  { name: 'service-hop-limit', about: 'The packet has passed as many routers as it may' },
  { name: 'carried-by-xdp', about: 'The packet went on from the driver of the network card, past the stack' },
  { name: 'policy-ingress', about: 'No policy lets the packet in to the pod' },
  { name: 'policy-egress', about: 'No policy lets the packet out of the pod' },
  {
    name: 'name-answered',
    about: 'A question for a name of the cluster was answered at the pod: its addresses',
  },
  {
    name: 'name-no-data',
    about: 'A question for a name of the cluster was answered at the pod: no address of the family',
  },
] as const satisfies readonly PacketReason[];

export type PacketReasonName = (typeof PACKET_REASONS)[number]['name'];

/** The name in C: "spoofed-mac" is REASON_SPOOFED_MAC. */
export function reasonConstant(name: string): string {
  return `REASON_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** The name of a number; "unknown" for those of newer programs. */
export function reasonName(number: number): PacketReasonName | 'unknown' {
  return PACKET_REASONS[number]?.name ?? 'unknown';
}
