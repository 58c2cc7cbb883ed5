// What the programs say of packets: counters by reason, and records of drops and sampled forwards as values.

import type { Ip } from '../../base/ip.ts';
import { openPin, closeFd } from '../../sys/bpf-pin.ts';
import { lookupPerCpu } from '../../sys/bpf-map.ts';
import { openBpfRing, type BpfRing } from '../../sys/bpf-ring.ts';
import { FairleadError } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { COUNTER, INDEX_KEY, PACKET_EVENT } from '../../wire/bpf-maps.ts';
import { PACKET_REASONS, reasonName, type PacketReasonName } from '../../wire/bpf-maps-reasons.ts';

/** A packet that was dropped, or forwarded and sampled. Ports are 0 where the protocol has none. */
export interface PacketEvent {
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
  /** Host side of the pod's veth, or the node's link. */
  readonly ifindex: number;
  readonly reason: PacketReasonName | 'unknown';
  readonly hook: PacketHook;
  /** IP protocol number. */
  readonly protocol: number;
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly lengthBytes: number;
}

/** Packets and bytes since the map was made, summed over the processors; `lost-event` counts records that the ring had no room for. */
export interface PacketCounter {
  readonly reason: PacketReasonName;
  readonly packets: bigint;
  readonly bytes: bigint;
}

export type PacketHook =
  'pod-egress' | 'pod-ingress' | 'node-ingress' | 'node-egress' | 'node-xdp' | 'unknown';

/** Programs' numbers of their places (enum event_hook in bpf/lib/events.h), from 1. */
const HOOKS: readonly PacketHook[] = [
  'unknown',
  'pod-egress',
  'pod-ingress',
  'node-ingress',
  'node-egress',
  'node-xdp',
];

export function readCounters(fd: number): readonly PacketCounter[] {
  return PACKET_REASONS.map(({ name }, index) => {
    const perCpu = lookupPerCpu(fd, INDEX_KEY.encode({ index })).map((bytes) => COUNTER.decode(bytes));
    const packets = perCpu.reduce((sum, it) => sum + it.packets, 0n);
    return { reason: name, packets, bytes: perCpu.reduce((sum, it) => sum + it.bytes, 0n) };
  });
}

/** Calls `onEvent` with each event until the lifetime ends. One reader per node: a second one would take records from the first. */
export function watchEvents(
  pin: string,
  onEvent: (event: PacketEvent) => void,
  lifetime: Lifetime,
): Pick<BpfRing, 'drain'> {
  const fd = openPin(pin);
  if (fd === undefined)
    throw new FairleadError('internal', `Cannot watch events: nothing is pinned at ${pin}`);
  lifetime.defer('BPF event map', () => closeFd(fd));
  return lifetime.own(
    'BPF event ring',
    openBpfRing(fd, (record) => onEvent(decodeEvent(record))),
    (ring) => ring.close(),
  );
}

export function decodeEvent(record: Uint8Array): PacketEvent {
  const { hook, reason, ...rest } = PACKET_EVENT.decode(record);
  return {
    ...rest,
    reason: reasonName(reason),
    hook: HOOKS[hook] ?? 'unknown',
  };
}
