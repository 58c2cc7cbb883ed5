// The kubelet part's process: the pods of all nodes of a one-machine cluster. Ends on the signal; the pods run on.

import { systemClock } from '../../base/clock.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import { EventRecorder } from './event-recorder.ts';
import { KubeClusterApi } from './kube-cluster-api.ts';
import { readKubeletConfig } from './kubelet-config.ts';
import { startKubelet } from './kubelet.ts';
import { NodeKeeper } from './node-keeper.ts';

/** Runs until the signal aborts. Throws `invalid` for a configuration that cannot be read. */
export async function runKubelet(configFile: string, signal: AbortSignal): Promise<void> {
  const config = await readKubeletConfig(configFile);
  const lifetime = new Lifetime('kubelet part');
  const onAbort = (): void => void lifetime.close();
  const log = (message: string): void =>
    void process.stderr.write(`${new Date().toISOString()} ${message}\n`);
  try {
    const access = await loadKubeConfig(config.kubeconfig);
    const client = lifetime.own('API client', new KubeClient(access), (it) => it.close());
    const events = new EventRecorder(client, systemClock, log);
    const api = new KubeClusterApi({ client, events, log });
    const doors = { api, clock: systemClock, random: Math.random, log };
    const kubelet = await startKubelet(config, doors, lifetime);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return;
    const keeper = new NodeKeeper({
      client,
      clock: systemClock,
      nodes: config.nodes,
      podCapacity: config.podCapacity,
      isReady: (node) => kubelet.isNodeReady(node),
      log,
    });
    const { pods } = kubelet;
    await Promise.all([
      keeper.run(lifetime.signal),
      api.start(
        new Set(config.nodes.map((it) => it.name)),
        {
          replace: (list) => pods.replace(list),
          put: (pod) => pods.put(pod),
          delete: (uid) => pods.delete(uid),
          noteObjects: (changed) => pods.noteObjects(changed),
        },
        lifetime.signal,
      ),
    ]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await lifetime.close();
  }
}
