// A Corefile that is not taken, as an Event of its ConfigMap: once for what is wrong with it, whichever node says so first.

import { createHash } from 'node:crypto';
import { backoffMs } from '../base/backoff.ts';
import { timeText } from '../base/clock.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { EVENTS, type Draft } from '../kube/resource.ts';
import type { Event } from '../objects/api-types.ts';
import { COREFILE } from '../objects/corefile.ts';
import type { AgentContext } from './agent-context.ts';

export interface CorefileEventParts {
  readonly client: Pick<KubeClient, 'create'>;
  /** That of the ConfigMap as it is known; empty where it is not. */
  readonly uid: () => string;
}

type Context = Pick<AgentContext, 'clock' | 'random' | 'log'> & {
  readonly lifetime: Pick<AgentContext['lifetime'], 'signal'>;
};

const COMPONENT = 'fairlead-agent';
const MAX_MESSAGE = 1024;
const RETRY = { firstMs: 2_000, maxMs: 60_000, factor: 2 };

/** To be told why the cluster's Corefile is not taken each time that this is known, undefined where it is taken. Returns at once. */
export function corefileEvents(
  context: Context,
  parts: CorefileEventParts,
): (because: string | undefined) => void {
  let current: string | undefined;
  return (because) => {
    if (because === current) return;
    current = because;
    if (because === undefined) return;
    void write(context, parts, { because, isCurrent: () => current === because });
  };
}

interface Refusal {
  readonly because: string;
  readonly isCurrent: () => boolean;
}

/** Until it is written, or there is something else to say. */
async function write(
  { clock, random, lifetime: { signal }, log }: Context,
  { client, uid }: CorefileEventParts,
  { because, isCurrent }: Refusal,
): Promise<void> {
  for (let failures = 1; isCurrent() && !signal.aborted; failures++) {
    try {
      await client.create(EVENTS, eventOf(because, uid(), timeText(clock.nowMs())), { signal });
      return;
    } catch (error) {
      // Of another node, or of before this agent was started.
      if (hasCode(error, 'already-exists') || signal.aborted) return;
      if (failures === 1)
        log.warn({ error: messageOf(error) }, 'cannot write the Event of a refused Corefile');
      await clock.sleep(backoffMs(RETRY, failures, random), signal).catch(() => undefined);
    }
  }
}

/** Equal refusals have equal names, so that there is one Event of all nodes. */
function eventOf(because: string, uid: string, now: string): Draft<Event> {
  const { namespace, name } = COREFILE;
  const content = createHash('sha256')
    .update(JSON.stringify([uid, because]))
    .digest('hex');
  return {
    metadata: { namespace, name: `${name}.${content.slice(0, 16)}` },
    involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name, ...(uid === '' ? {} : { uid }) },
    type: 'Warning',
    reason: 'CorefileRefused',
    message: `The former Corefile stays in force: ${because}`.slice(0, MAX_MESSAGE),
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
