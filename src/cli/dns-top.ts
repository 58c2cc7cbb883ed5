// `fairlead dns top`: what the pods of a cluster ask, how it is answered, and which questions are wasted.

import type { ClientTally } from '../dns/client-tallies.ts';
import { withCluster } from './cluster-client.ts';
import { askDns, DNS_ANSWER_MS, nodesOf, podsByAddress } from './dns-nodes.ts';
import { topRows, type TopBy } from './dns-top-rows.ts';
import { printForMachine, table } from './output.ts';

interface TopFlags {
  readonly name: string;
  readonly node?: string;
  readonly by: TopBy;
  readonly limit: number;
  readonly output?: string;
}

export async function dnsTopCommand(flags: TopFlags): Promise<void> {
  const pods = await withCluster({ ...flags, quiet: true, timeout: DNS_ANSWER_MS }, 'ask', async (access) => {
    const names = await podsByAddress(access);
    const lists = await Promise.all(
      nodesOf(access, flags.node).map(async (node) => {
        const tallies = (await askDns(node, '/top', access)) as readonly ClientTally[];
        return tallies.map((it) => ({ ...it, node, pod: names.get(it.client) ?? it.client }));
      }),
    );
    return lists.flat();
  });
  if (printForMachine(pods, flags.output)) return;
  const [head = [], ...rows] = topRows(pods, flags.by, flags.limit);
  process.stdout.write(rows.length === 0 ? 'Nobody has asked for a name yet.\n' : table(head, rows));
}
