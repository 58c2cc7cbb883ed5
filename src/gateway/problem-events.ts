// Problems as Events: each once, also over restarts, for its name is what it says.

import { createHash } from 'node:crypto';
import { timeText, type Clock } from '../base/clock.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { EVENTS, type Draft, type ResourceRef } from '../kube/resource.ts';
import type { Event } from '../objects/api-types.ts';
import { apiVersionOf } from '../objects/resources.ts';

export interface ProblemEventsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProblem: (message: string) => void;
}

export interface ObjectWithProblems {
  readonly resource: ResourceRef;
  readonly namespace: string;
  readonly name: string;
  /** Empty where it is not known. */
  readonly uid: string;
  readonly problems: readonly Problem[];
}

export interface Problem {
  /** A word for Events: "BackendNotFound". */
  readonly reason: string;
  readonly message: string;
}

const COMPONENT = 'fairlead-gateway';
/** An object that has more to be said of is told of the first ones. */
const MAX_PER_OBJECT = 50;
const MAX_MESSAGE = 1024;
const MAX_NAME_PART = 200;

export class ProblemEvents {
  readonly #options: ProblemEventsOptions;
  /** Names of the Events of problems that stand: one that went and comes again is said again. */
  #said = new Set<string>();

  constructor(options: ProblemEventsOptions) {
    this.#options = options;
  }

  /** False where one of them could not be written: it is to be told again. */
  async tell(objects: readonly ObjectWithProblems[]): Promise<boolean> {
    const said = new Set<string>();
    let isWhole = true;
    for (const object of objects)
      for (const problem of object.problems.slice(0, MAX_PER_OBJECT)) {
        const name = nameOf(object, problem);
        if (this.#said.has(name) || (await this.#write(name, object, problem))) said.add(name);
        else isWhole = false;
      }
    this.#said = said;
    return isWhole;
  }

  async #write(name: string, object: ObjectWithProblems, problem: Problem): Promise<boolean> {
    const { client, clock, signal, onProblem } = this.#options;
    if (signal.aborted) return false;
    try {
      await client.create(EVENTS, eventOf(name, object, problem, timeText(clock.nowMs())), { signal });
      return true;
    } catch (error) {
      if (hasCode(error, 'already-exists')) return true;
      if (!signal.aborted)
        onProblem(`event of ${object.resource.kind} ${object.namespace}/${object.name}: ${messageOf(error)}`);
      // The namespace is going: nobody is there to be told.
      return hasCode(error, 'forbidden') || hasCode(error, 'not-found');
    }
  }
}

function nameOf({ name, uid }: ObjectWithProblems, { reason, message }: Problem): string {
  const content = createHash('sha256')
    .update(JSON.stringify([uid, reason, message]))
    .digest('hex')
    .slice(0, 16);
  return `${name.slice(0, MAX_NAME_PART)}.${content}`;
}

function eventOf(
  name: string,
  { resource, namespace, name: of, uid }: ObjectWithProblems,
  { reason, message }: Problem,
  now: string,
): Draft<Event> {
  const involvedObject = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...(namespace === '' ? {} : { namespace }),
    name: of,
    ...(uid === '' ? {} : { uid }),
  };
  return {
    // Events of what is in no namespace are in this one.
    metadata: { namespace: namespace === '' ? 'default' : namespace, name },
    involvedObject,
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
