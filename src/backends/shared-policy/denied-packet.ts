// A packet that the policies of a pod of this node denied, whatever keeps them.

import type { Ip } from '../../base/ip.ts';
import type { PacketEvent } from '../shared-bpf/packet-events.ts';

export type DenialDirection = 'ingress' | 'egress';

export interface DeniedPacket {
  /** Of the pod that its policies isolate. */
  readonly direction: DenialDirection;
  readonly source: Ip;
  readonly destination: Ip;
  /** IP protocol number. */
  readonly protocol: number;
  /** The destination's; 0 where the protocol has none. */
  readonly port: number;
}

/** Undefined of events that tell of something else. */
export function deniedByPrograms({
  reason,
  source,
  destination,
  protocol,
  destinationPort: port,
}: PacketEvent): DeniedPacket | undefined {
  if (reason !== 'policy-ingress' && reason !== 'policy-egress') return undefined;
  const direction = reason === 'policy-ingress' ? 'ingress' : 'egress';
  return { direction, source, destination, protocol, port };
}
