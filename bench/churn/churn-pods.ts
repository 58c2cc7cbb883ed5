// Makes and removes pods in turn on a running cluster, in batches, through its API: each is ready once before it goes.

import { setTimeout as pause } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/kube-client.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { EVENTS, PODS, SERVICES, type Draft } from '../../src/kube/resource.ts';
import type { Pod } from '../../src/objects/api-types.ts';

export interface ChurnOptions {
  readonly count: number;
  /** Pods that live at a time. */
  readonly batch: number;
  /** Called while the pods of a batch are ready. */
  readonly whenReady?: () => Promise<void>;
}

const NAMESPACE = 'default';
const LABELS = { app: 'churn' };
const SELECTION = { namespace: NAMESPACE, labelSelector: 'app=churn' };
const POLL_MS = 100;
const GIVE_UP_MS = 180_000;

/** Pods of one Service on one cluster; every method resolves when the cluster has done what it says. */
export class PodChurn {
  readonly #client: KubeClient;
  #made = 0;

  private constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Makes the Service that all pods belong to. */
  static async open(cluster: string): Promise<PodChurn> {
    const client = new KubeClient(await loadKubeConfig(`/var/lib/fairlead/${cluster}/kubeconfig`));
    await client.create(SERVICES, {
      metadata: { name: 'churn', namespace: NAMESPACE },
      spec: { selector: LABELS, ports: [{ name: 'http', port: 80 }] },
    });
    return new PodChurn(client);
  }

  close(): void {
    this.#client.close();
  }

  async run({ count, batch, whenReady }: ChurnOptions): Promise<void> {
    for (let done = 0; done < count; done += batch) {
      const names = Array.from({ length: Math.min(batch, count - done) }, () => `churn-${this.#made++}`);
      await Promise.all(names.map((name) => this.#client.create(PODS, podOf(name))));
      await this.#until('all are ready', (pods) => pods.every(isReady));
      await whenReady?.();
      const at = names.map((name) => ({ namespace: NAMESPACE, name }));
      await Promise.all(at.map((it) => this.#client.delete(PODS, it, { gracePeriodSeconds: 0 })));
      await this.#until('all are gone', (pods) => pods.length === 0);
    }
  }

  /** Events stay for an hour by design; what else stays is what we look for. */
  async forgetEvents(): Promise<void> {
    const { items } = await this.#client.list(EVENTS);
    for (const { metadata } of items)
      await this.#client
        .delete(EVENTS, { namespace: metadata.namespace, name: metadata.name })
        .catch(() => undefined);
  }

  async #until(what: string, isTrue: (pods: readonly Pod[]) => boolean): Promise<void> {
    const endMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      const { items } = await this.#client.list(PODS, SELECTION);
      if (isTrue(items)) return;
      if (performance.now() > endMs) throw new Error(`gave up waiting until ${what}: ${describe(items)}`);
      await pause(POLL_MS);
    }
  }
}

function podOf(name: string): Draft<Pod> {
  return {
    metadata: { name, namespace: NAMESPACE, labels: LABELS },
    spec: { containers: [{ name: 'web', image: 'example.com/web:1', ports: [{ containerPort: 80 }] }] },
  };
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True') === true;
}

function describe(pods: readonly Pod[]): string {
  return pods
    .slice(0, 5)
    .map((pod) => `${pod.metadata.name} ${pod.status?.phase}`)
    .join(', ');
}
