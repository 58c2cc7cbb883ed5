// What a node's data path dropped, by reason, read where an operator would: the agent's metrics.

import { getText } from '../support/agent-text.ts';

/** Packets by reason; a reason that never came is 0. */
export async function dropCounters(agentSocket: string): Promise<(reason: string) => number> {
  const text = await getText(agentSocket, '/metrics');
  const byReason = new Map(
    [...text.matchAll(/^fairlead_datapath_packets_total\{reason="([^"]+)"\} (\d+)/gm)].map(
      ([, reason = '', count = '0']) => [reason, Number(count)] as const,
    ),
  );
  if (byReason.size === 0) throw new Error('The agent has no data path counters');
  return (reason) => byReason.get(reason) ?? 0;
}
