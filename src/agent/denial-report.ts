// What policies deny on this node, whatever keeps them: which connections, and how many packets, by direction.

import { Counter } from 'prom-client';
import { POLICY_BACKENDS } from '../backends/registry.ts';
import type { NodeBpf } from '../backends/shared-bpf/node-bpf.ts';
import { DENIAL_LOG_GROUP, deniedPacketOf } from '../backends/shared-policy/denial-log.ts';
import type { DeniedCounts } from '../backends/shared-node/policy-backend.ts';
import type { DenialDirection, DeniedPacket } from '../backends/shared-policy/denied-packet.ts';
import { EBPF_POLICIES } from '../backends/policy-ebpf/backend.ts';
import { messageOf } from '../base/errors.ts';
import { openNflog, type NflogReader } from '../sys/nflog.ts';
import type { AgentContext } from './agent-context.ts';
import { DeniedConnections } from './denied-connections.ts';

/** Listens to netfilter until the lifetime ends; what the programs at pods' links deny is to be noted besides. */
export function reportDenials(context: AgentContext, bpf: Pick<NodeBpf, 'counters'>): DeniedConnections {
  const denied = new DeniedConnections(context.clock);
  const reader = readDenialLog(context, (packet) => denied.note(packet));
  registerDenialCounters(context, { bpf, reader });
  return denied;
}

/** Undefined where somebody else reads the group, or the kernel has no such log: packets are counted then, and not told. */
function readDenialLog(
  { log, lifetime }: AgentContext,
  onDenied: (packet: DeniedPacket) => void,
): NflogReader | undefined {
  const isTold = log.isLevelEnabled('debug');
  try {
    const reader = openNflog({
      group: DENIAL_LOG_GROUP,
      onPacket: (packet) => {
        const found = deniedPacketOf(packet);
        if (found === undefined) return;
        onDenied(found);
        if (isTold) log.debug({ ...found }, `packet denied by ${found.direction} policies`);
      },
    });
    return lifetime.own('log of denied packets', reader, (it) => it.close());
  } catch (error) {
    log.warn({ err: error }, `What netfilter denies is counted, not told: ${messageOf(error)}`);
    return undefined;
  }
}

/** Of a backend that has denied nothing, or is not at work, there are none. */
function registerDenialCounters(
  { metrics, lifetime, config: { iptablesFlavour } }: AgentContext,
  { bpf, reader }: { readonly bpf: Pick<NodeBpf, 'counters'>; readonly reader: NflogReader | undefined },
): void {
  const counts = POLICY_BACKENDS.flatMap(({ name, countDenied }) =>
    countDenied === undefined
      ? []
      : [{ name, count: countDenied({ netns: undefined, lifetime, iptablesFlavour }) }],
  );
  new Counter({
    name: 'fairlead_policy_denied_packets_total',
    help: 'Sum of packets that policies denied, by what keeps them and the direction of the policies',
    labelNames: ['backend', 'direction'],
    registers: [metrics],
    async collect() {
      const rows = [...programRows(bpf), ...(await Promise.all(counts.map(rowsOf))).flat()];
      // At once: whoever else asks meanwhile must not find a half of it.
      this.reset();
      for (const { packets, ...labels } of rows) this.inc(labels, Number(packets));
    },
  });
  new Counter({
    name: 'fairlead_policy_untold_denials_total',
    help: 'Sum of denied packets that netfilter logged and nobody could read in time',
    registers: [metrics],
    collect() {
      this.reset();
      this.inc(reader?.lostCount ?? 0);
    },
  });
}

interface DenialRow {
  readonly backend: string;
  readonly direction: DenialDirection;
  readonly packets: bigint;
}

function programRows(bpf: Pick<NodeBpf, 'counters'>): readonly DenialRow[] {
  const counters = new Map(bpf.counters().map((it) => [it.reason, it.packets]));
  return (['ingress', 'egress'] as const).map((direction) => {
    return { backend: EBPF_POLICIES.name, direction, packets: counters.get(`policy-${direction}`) ?? 0n };
  });
}

async function rowsOf({
  name: backend,
  count,
}: {
  readonly name: string;
  readonly count: () => Promise<DeniedCounts>;
}): Promise<readonly DenialRow[]> {
  return [...(await count())].map(([direction, packets]) => ({ backend, direction, packets }));
}
