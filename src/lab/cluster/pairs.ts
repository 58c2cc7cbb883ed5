// Whether a running cluster may have a pair of a Service and a policy backend: asked before a setting is written.

import { BACKEND_PAIRS, pairSupport, type BackendPair } from '../../backends/pairs.ts';
import { FairleadError } from '../../base/errors.ts';
import { askAgents, type NodeAnswer } from './settings.ts';
import type { WaitOptions } from './waiting.ts';

/** The setting that is to be written; the other one is what each node has. */
export interface PairWish {
  readonly proxy?: string;
  readonly policy?: string;
}

/** Throws `unsupported` where what is wished does not go with what a node is set to otherwise. A node that does not answer judges by itself later. */
export async function checkPair(wish: PairWish, options: WaitOptions): Promise<void> {
  refusePair(wish, await askAgents(options));
}

/** Throws as `checkPair` does. */
export function refusePair(
  wish: PairWish,
  nodes: readonly NodeAnswer[],
  pairs: readonly BackendPair[] = BACKEND_PAIRS,
): void {
  for (const { node, status } of nodes) {
    const service = wish.proxy ?? nameOf(status?.services);
    const policy = wish.policy ?? nameOf(status?.policies);
    if (service === undefined || policy === undefined) continue;
    const support = pairSupport(service, policy, pairs);
    if (support.kind === 'yes') continue;
    const action = wish.proxy === undefined ? `keep policies by ${policy}` : `carry Services by ${service}`;
    throw new FairleadError('unsupported', `Cannot ${action} on ${node}: ${support.because}`);
  }
}

type Choice = Exclude<NodeAnswer['status'], undefined>['services'];

function nameOf(choice: Choice | undefined): string | undefined {
  return choice?.wanted ?? choice?.next ?? choice?.carrier;
}
