// The pods of all nodes that this process runs: one worker per uid, made when a pod appears, gone when nothing is left of it.

import { messageOf } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';
import type { RunExit } from './container-runner.ts';
import { objectKey, type ObjectName } from './object-references.ts';
import { newPodRecord, type PodRecord } from './pod-record.ts';
import { PodWorker } from './pod-worker.ts';
import type { PodWorld } from './pod-world.ts';

export class PodSet {
  readonly #world: PodWorld;
  readonly #workers = new Map<string, PodWorker>();
  readonly #running = new Set<Promise<void>>();
  #adopted = new Map<string, PodRecord>();
  #isClosed = false;
  readonly #known = Promise.withResolvers<void>();

  /** `adopted` are the records that an earlier process left. */
  constructor(world: PodWorld, adopted: readonly PodRecord[]) {
    this.#world = world;
    this.#adopted = new Map(adopted.map((it) => [it.uid, it]));
  }

  /** The newest object of a pod of one of our nodes. */
  put(pod: Pod): void {
    const uid = pod.metadata.uid;
    const present = this.#workers.get(uid);
    if (present !== undefined) present.update(pod);
    else if (!this.#isClosed) this.#begin(pod);
  }

  /** The API has this pod no more. */
  delete(uid: string): void {
    this.#workers.get(uid)?.setGone();
  }

  /** The whole list: what is not in it is gone, what an earlier process left of others is taken away. */
  replace(pods: readonly Pod[]): void {
    const uids = new Set(pods.map((it) => it.metadata.uid));
    for (const [uid, worker] of this.#workers) if (!uids.has(uid)) worker.setGone();
    for (const pod of pods) this.put(pod);
    for (const record of this.#adopted.values()) {
      this.#begin(objectOfRecord(record));
      this.#workers.get(record.uid)?.setGone();
    }
    this.#known.resolve();
  }

  /** Resolves when the whole list has come for the first time, and every record that was left has its worker; at the end, too. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  noteExit(uid: string, container: string, attempt: number, exit: RunExit): void {
    this.#workers.get(uid)?.noteExit(container, attempt, exit);
  }

  /** ConfigMaps or Secrets have changed. */
  noteObjects(changed: readonly ObjectName[]): void {
    const keys = new Set(changed.map(objectKey));
    for (const worker of this.#workers.values()) worker.noteObjects(keys);
  }

  /** The one that is not ending, where two of a name exist. */
  find(namespace: string, name: string): PodWorker | undefined {
    const found = [...this.#workers.values()].filter(
      ({ record }) => record.namespace === namespace && record.name === name,
    );
    return found.find((it) => it.pod.metadata.deletionTimestamp === undefined) ?? found[0];
  }

  records(): readonly PodRecord[] {
    return [...this.#workers.values()].map((it) => it.record);
  }

  workers(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  /** Ends the work; the pods run on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#known.resolve();
    for (const worker of this.#workers.values()) worker.close();
    await Promise.all(this.#running);
  }

  #begin(pod: Pod): void {
    const { uid, namespace = 'default', name } = pod.metadata;
    const node = pod.spec?.nodeName ?? '';
    const adopted = this.#adopted.get(uid);
    this.#adopted.delete(uid);
    // A pod that is over and of which nothing is left here needs no worker.
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (adopted === undefined && isOver && pod.metadata.deletionTimestamp === undefined) return;
    const record = adopted ?? newPodRecord({ uid, namespace, name, node }, this.#world.clock.nowMs());
    const worker = new PodWorker(this.#world, pod, record);
    this.#workers.set(uid, worker);
    const running = worker
      .run()
      .catch((error: unknown) => this.#world.log(`pod ${namespace}/${name} is given up: ${messageOf(error)}`))
      .finally(() => {
        this.#workers.delete(uid);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }
}

/** The least object that lets a worker end a pod which the API has forgotten. */
function objectOfRecord(record: PodRecord): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: record.name,
      namespace: record.namespace,
      uid: record.uid,
      resourceVersion: '',
      creationTimestamp: '',
    },
    spec: {
      nodeName: record.node,
      hostNetwork: record.sandbox?.isHostNetwork === true,
      containers: Object.keys(record.containers).map((name) => ({ name })),
    },
  };
}
