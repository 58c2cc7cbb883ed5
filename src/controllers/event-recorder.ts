// Writes Events about objects; the same text about the same object again only raises a count. Best effort, bounded, never in the way.

import { timeText, type Clock } from '../base/clock.ts';
import { isNotFound } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { EVENTS, type Draft } from '../kube/resource.ts';
import type { Event } from '../objects/api-types.ts';
import type { KubeObject } from '../objects/meta.ts';
import type { EventText } from './action.ts';

const MAX_REMEMBERED = 500;
const MAX_WAITING = 5000;
const MAX_MESSAGE_LENGTH = 1024;
/** A text that keeps coming is written at most this often. */
const REPEAT_MS = 10_000;

interface Remembered {
  readonly name: string;
  readonly namespace: string;
  count: number;
  writtenMs: number;
}

interface Job {
  readonly source: string;
  readonly about: KubeObject;
  readonly text: EventText;
}

export class EventRecorder {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #remembered = new Map<string, Remembered>();
  readonly #waiting: Job[] = [];
  #isWriting = false;
  /** Events that could not be written, or were too many. */
  lost = 0;

  constructor(client: KubeClient, clock: Clock, signal: AbortSignal) {
    this.#client = client;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Returns at once. `source` is the component: "default-scheduler". */
  record(source: string, about: KubeObject, text: EventText): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.lost++;
      return;
    }
    this.#waiting.push({ source, about, text });
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      if (this.#signal.aborted) break;
      try {
        await this.#writeOne(job);
      } catch {
        // An event tells of work, it is none: its loss is counted and nothing waits for it.
        this.lost++;
      }
    }
    this.#isWriting = false;
  }

  async #writeOne(job: Job): Promise<void> {
    const key = [job.source, job.about.metadata.uid, job.text.reason, job.text.message].join('\n');
    const known = this.#remembered.get(key);
    if (known === undefined) return this.#create(key, job);
    known.count++;
    if (this.#clock.monotonicMs() - known.writtenMs < REPEAT_MS) return;
    known.writtenMs = this.#clock.monotonicMs();
    const patch = { count: known.count, lastTimestamp: timeText(this.#clock.nowMs()) };
    try {
      await this.#client.patch(EVENTS, known, patch, { type: 'merge', signal: this.#signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#remembered.delete(key);
      await this.#create(key, job);
    }
  }

  async #create(key: string, job: Job): Promise<void> {
    const event = eventOf(job, timeText(this.#clock.nowMs()));
    const { name, namespace } = (await this.#client.create(EVENTS, event, { signal: this.#signal })).metadata;
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    const writtenMs = this.#clock.monotonicMs();
    this.#remembered.set(key, { name, namespace: namespace ?? 'default', count: 1, writtenMs });
  }
}

function eventOf({ source, about, text }: Job, now: string): Draft<Event> {
  const { name, namespace, uid, resourceVersion } = about.metadata;
  return {
    metadata: { namespace: namespace ?? 'default', generateName: `${name.slice(0, 200)}.` },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name,
      uid,
      resourceVersion,
      ...(namespace === undefined ? {} : { namespace }),
    },
    type: text.type,
    reason: text.reason,
    message: text.message.slice(0, MAX_MESSAGE_LENGTH),
    source: { component: source },
    reportingComponent: source,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
