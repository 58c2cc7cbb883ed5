// What of Ingresses is not done as it is written, as Events: each once, also over restarts, for its name is what it says.

import { createHash } from 'node:crypto';
import { timeText, type Clock } from '../base/clock.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { EVENTS, INGRESSES, type Draft } from '../kube/resource.ts';
import type { IngressProblem, IngressVerdict } from '../model/ingress-verdict.ts';
import type { Event } from '../objects/api-types.ts';
import { apiVersionOf } from '../objects/resources.ts';

export interface IngressEventsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProblem: (message: string) => void;
}

const COMPONENT = 'fairlead-ingress';
/** An Ingress that has more to be said of is told of the first ones. */
const MAX_PER_INGRESS = 50;
const MAX_MESSAGE = 1024;
const MAX_NAME_PART = 200;

export class IngressEvents {
  readonly #options: IngressEventsOptions;
  /** Names of the Events of problems that stand: one that went and comes again is said again. */
  #said = new Set<string>();

  constructor(options: IngressEventsOptions) {
    this.#options = options;
  }

  /** False where one of them could not be written: it is to be told again. */
  async tell(verdicts: readonly IngressVerdict[]): Promise<boolean> {
    const said = new Set<string>();
    let isWhole = true;
    for (const verdict of verdicts)
      for (const problem of verdict.problems.slice(0, MAX_PER_INGRESS)) {
        const name = nameOf(verdict, problem);
        if (this.#said.has(name) || (await this.#write(name, verdict, problem))) said.add(name);
        else isWhole = false;
      }
    this.#said = said;
    return isWhole;
  }

  async #write(name: string, verdict: IngressVerdict, problem: IngressProblem): Promise<boolean> {
    const { client, clock, signal, onProblem } = this.#options;
    if (signal.aborted) return false;
    try {
      await client.create(EVENTS, eventOf(name, verdict, problem, timeText(clock.nowMs())), { signal });
      return true;
    } catch (error) {
      if (hasCode(error, 'already-exists')) return true;
      if (!signal.aborted)
        onProblem(`event of Ingress ${verdict.namespace}/${verdict.name}: ${messageOf(error)}`);
      // The namespace is going: nobody is there to be told.
      return hasCode(error, 'forbidden') || hasCode(error, 'not-found');
    }
  }
}

function nameOf({ name, uid }: IngressVerdict, { reason, message }: IngressProblem): string {
  const content = createHash('sha256')
    .update(JSON.stringify([uid, reason, message]))
    .digest('hex')
    .slice(0, 16);
  return `${name.slice(0, MAX_NAME_PART)}.${content}`;
}

function eventOf(
  name: string,
  { namespace, name: of, uid }: IngressVerdict,
  { reason, message }: IngressProblem,
  now: string,
): Draft<Event> {
  return {
    metadata: { namespace, name },
    involvedObject: { apiVersion: apiVersionOf(INGRESSES), kind: INGRESSES.kind, namespace, name: of, uid },
    type: 'Warning',
    reason,
    message: message.slice(0, MAX_MESSAGE),
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
