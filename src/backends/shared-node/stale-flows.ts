// Tracked flows that lead past what the Services are now are forgotten, so that their next packets are decided anew. Whatever backend
// carries Services: those whose flows the kernel does not track leave nothing to find.

import type { Part } from '../../reconcile/engine.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { endText, isStale } from './stale-flow.ts';
import { stalePart, type StaleInput } from './stale-part.ts';

export function staleFlowPart<V extends StaleInput>(conntrack: Pick<Conntrack, 'list' | 'forget'>): Part<V> {
  return stalePart<TrackedFlow, V>({
    name: 'stale flows',
    summary: 'forget flows that lead to no endpoint of their frontend',
    list: (filter) => conntrack.list(filter),
    remove: (filter) => conntrack.forget(filter),
    isStale,
    keyOf: flowKey,
    describe: ({ original, reply }) =>
      `forget flow ${endText(original.source, original.sourcePort)} to ${endText(original.destination, original.destinationPort)} at ${endText(reply.source, reply.sourcePort)}`,
  });
}

function flowKey({ protocol, id, original }: TrackedFlow): string {
  return `${protocol} ${endText(original.source, original.sourcePort)} ${endText(original.destination, original.destinationPort)} ${id}`;
}
