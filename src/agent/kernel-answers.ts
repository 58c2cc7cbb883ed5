// What the programs at pods answered of the cluster's names, to the DNS process: it counts all that its clients ask, whoever answered.

import { readName } from '../backends/dns-ebpf/target.ts';
import type { NodeMaps } from '../backends/shared-bpf/node-maps.ts';
import type { KernelAnswers } from '../dns/feed-answers.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import type { AgentContext } from './agent-context.ts';
import type { NameFeed } from './name-feed.ts';

/** Soon enough for people who look at what is asked now. */
const PERIOD_MS = 2_000;

type AskedMaps = Pick<NodeMaps, 'dnsAsked'>;

/** Takes the counts out of the map while the DNS process hears them. Meanwhile they stay there, over restarts of either; in a full map what was asked the longest ago makes room. */
export function tellKernelAnswers(context: AgentContext, maps: AskedMaps, names: NameFeed | undefined): void {
  const { lifetime, clock, fail } = context;
  if (names === undefined) return;
  const { signal } = lifetime;
  const telling = async (): Promise<void> => {
    while (!signal.aborted) {
      if (names.isListening) names.tell(takeKernelAnswers(maps));
      await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
    }
  };
  const done = telling().catch(fail);
  lifetime.defer('kernel answers', () => done);
}

/** All since the last time; they are in the map no more. */
export function takeKernelAnswers({ dnsAsked }: AskedMaps): readonly KernelAnswers[] {
  const taken: KernelAnswers[] = [];
  dnsAsked.take(({ ip, typeCode, isDnssecOk }, { answers, name }) => {
    // A program that is about to count has made the entry first.
    if (answers === 0n) return;
    taken.push({
      client: ip,
      name: parseDnsName(readName(name)),
      typeCode,
      isDnssecOk: isDnssecOk !== 0,
      count: Number(answers),
    });
  });
  return taken;
}
