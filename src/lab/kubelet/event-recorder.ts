// Events of pods: repeated ones are counted in one object instead of written again, the queue is bounded, and a server that
// is away loses events rather than memory.

import type { Clock } from '../../base/clock.ts';
import { isNotFound, messageOf } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { EVENTS } from '../../kube/resource.ts';
import type { PodEvent } from './cluster-api.ts';
import { isoSeconds } from './pod-status.ts';

const MAX_WAITING = 1000;
const MAX_REMEMBERED = 4096;
const MAX_MESSAGE_CHARS = 1024;
/** Repetitions of one event are written at most this often. */
const REPEAT_MS = 5000;

interface Remembered {
  readonly name: string;
  readonly first: string;
  count: number;
  writtenAtMs: number;
}

export class EventRecorder {
  readonly #client: Pick<KubeClient, 'create' | 'patch'>;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  readonly #seen = new Map<string, Remembered>();
  readonly #waiting: { readonly pod: Pod; readonly event: PodEvent }[] = [];
  #isSending = false;
  #serial = 0;

  constructor(client: Pick<KubeClient, 'create' | 'patch'>, clock: Clock, log: (message: string) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  record(pod: Pod, event: PodEvent): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push({ pod, event });
    if (!this.#isSending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isSending = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#write(next.pod, next.event);
      } catch (error) {
        if (!isNotFound(error)) this.#log(`event lost: ${messageOf(error)}`);
      }
    }
    this.#isSending = false;
  }

  async #write(pod: Pod, event: PodEvent): Promise<void> {
    const key = [pod.metadata.uid, event.type, event.reason, event.container, event.message].join('\n');
    const nowMs = this.#clock.nowMs();
    const seen = this.#seen.get(key);
    if (seen !== undefined) return this.#repeat(pod, seen, nowMs);
    const now = isoSeconds(nowMs);
    const name = `${pod.metadata.name}.${(nowMs * 1000 + (this.#serial++ % 1000)).toString(16)}`;
    this.#remember(key, { name, first: now, count: 1, writtenAtMs: nowMs });
    const { namespace = 'default', uid, resourceVersion } = pod.metadata;
    await this.#client.create(EVENTS, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace,
        name: pod.metadata.name,
        uid,
        resourceVersion,
        ...(event.container !== undefined && { fieldPath: `spec.containers{${event.container}}` }),
      },
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, MAX_MESSAGE_CHARS),
      source: { component: 'kubelet', host: pod.spec?.nodeName ?? '' },
      reportingComponent: 'kubelet',
      reportingInstance: pod.spec?.nodeName ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  }

  async #repeat(pod: Pod, seen: Remembered, nowMs: number): Promise<void> {
    seen.count++;
    if (nowMs - seen.writtenAtMs < REPEAT_MS) return;
    seen.writtenAtMs = nowMs;
    const at = { namespace: pod.metadata.namespace, name: seen.name };
    await this.#client.patch(
      EVENTS,
      at,
      { count: seen.count, lastTimestamp: isoSeconds(nowMs) },
      { type: 'merge' },
    );
  }

  #remember(key: string, seen: Remembered): void {
    this.#seen.set(key, seen);
    const oldest = this.#seen.keys().next();
    if (this.#seen.size > MAX_REMEMBERED && oldest.done !== true) this.#seen.delete(oldest.value);
  }
}
