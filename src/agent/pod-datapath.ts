// The data path of pods' links as the CNI asks for it, and what its programs say of packets as metrics and log lines.

import { Counter } from 'prom-client';
import type { NodeBpf } from '../backends/shared-bpf/node-bpf.ts';
import type { PacketEvent } from '../backends/shared-bpf/packet-events.ts';
import type { DatapathPod, PodDatapath } from '../cni/doors.ts';
import type { AgentContext } from './agent-context.ts';
import { deniedByPrograms, type DeniedPacket } from '../backends/shared-policy/denied-packet.ts';
import type { PolicyDesk } from './policy-desk.ts';

/** Attaches the per-packet programs to pods' links. `check` throws for a link that must not be. */
export function podDatapath(
  { podInterfaces }: NodeBpf,
  desk: PolicyDesk,
  check: (pod: DatapathPod) => void = () => undefined,
): PodDatapath {
  // The programs are attached by system calls that do not wait; a refusal becomes a rejection as the interface has it.
  return {
    // oxlint-disable-next-line typescript/require-await -- as above
    attach: async (pod) => {
      check(pod);
      const { ifindex, mac, ips } = pod;
      podInterfaces.attach({ ifindex, mac, ips, standing: desk.add(pod) });
    },
    // oxlint-disable-next-line typescript/require-await -- as above
    detach: async (ifindex) => {
      podInterfaces.detach(ifindex);
      desk.remove(ifindex);
    },
  };
}

/** Packets by reason as counters; drops in the log at level debug: whoever sends them decides how many there are. `onDenied` is told of what policies denied. */
export function reportPackets(
  { metrics, log, lifetime }: AgentContext,
  bpf: NodeBpf,
  onDenied: (packet: DeniedPacket) => void,
): void {
  for (const unit of ['packets', 'bytes'] as const) {
    new Counter({
      name: `fairlead_datapath_${unit}_total`,
      help: `Sum of ${unit} that the BPF programs at pods dropped or forwarded, by reason`,
      labelNames: ['reason'],
      registers: [metrics],
      collect() {
        this.reset();
        for (const it of bpf.counters()) this.inc({ reason: it.reason }, Number(it[unit]));
      },
    });
  }
  const isTold = log.isLevelEnabled('debug');
  const onEvent = (event: PacketEvent): void => {
    const denied = deniedByPrograms(event);
    if (denied !== undefined) onDenied(denied);
    const { timeNs, ...rest } = event;
    if (isTold) log.debug({ ...rest, timeMs: Number(timeNs / 1_000_000n) }, `packet ${event.reason}`);
  };
  bpf.events(onEvent, lifetime);
}
