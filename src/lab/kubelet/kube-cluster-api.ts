// The kubelet part's door to the Kubernetes API: copies of what pods refer to, and the writes of a kubelet. `start` keeps the
// copies equal to the server's until the signal aborts.

import { FairleadError, isNotFound, messageOf } from '../../base/errors.ts';
import type { ConfigMap, Pod, PodStatus, Secret, Service } from '../../objects/api-types.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { ListWatch, type ListWatchSink } from '../../kube/list-watch.ts';
import {
  CONFIG_MAPS,
  keyOfName,
  PODS,
  SECRETS,
  SERVICES,
  SERVICE_ACCOUNTS,
  type ResourceRef,
} from '../../kube/resource.ts';
import type { ClusterApi, PodEvent, ServiceAccountToken, TokenRequest } from './cluster-api.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { ObjectName } from './object-references.ts';

export interface KubeClusterApiOptions {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly log: (message: string) => void;
}

/** Who is told of pods and of what they mount. */
export interface ClusterListener {
  readonly replace: (pods: readonly Pod[]) => void;
  readonly put: (pod: Pod) => void;
  readonly delete: (uid: string) => void;
  /** ConfigMaps or Secrets have changed. */
  readonly noteObjects: (changed: readonly ObjectName[]) => void;
}

export class KubeClusterApi implements ClusterApi {
  readonly #options: KubeClusterApiOptions;
  readonly #configMaps = new Map<string, ConfigMap>();
  readonly #secrets = new Map<string, Secret>();
  readonly #services = new Map<string, Service>();

  constructor(options: KubeClusterApiOptions) {
    this.#options = options;
  }

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.#configMaps.get(keyOfName({ namespace, name }));
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.#secrets.get(keyOfName({ namespace, name }));
  }

  services(): readonly Service[] {
    return [...this.#services.values()];
  }

  async serviceAccountToken(
    pod: Pod,
    request: TokenRequest,
    signal: AbortSignal,
  ): Promise<ServiceAccountToken> {
    const { namespace, name, uid } = pod.metadata;
    const at = { namespace, name: pod.spec?.serviceAccountName ?? 'default', subresource: 'token' };
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: request.audience === undefined ? [] : [request.audience],
        expirationSeconds: request.expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const answer = await this.#options.client.post<{
      status?: { token?: string; expirationTimestamp?: string };
    }>(SERVICE_ACCOUNTS, at, body, { signal });
    const { token, expirationTimestamp } = answer.status ?? {};
    if (token === undefined) throw new FairleadError('unavailable', 'Cannot get token: the server sent none');
    return { token, expiresAtMs: Date.parse(expirationTimestamp ?? '') };
  }

  async writeStatus(pod: Pod, status: PodStatus, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    const gone = Object.keys(pod.status ?? {}).filter((key) => OWN_FIELDS.has(key) && !(key in status));
    const removed = Object.fromEntries(gone.map((key) => [key, null]));
    // The uid makes the server refuse where another pod took the name meanwhile.
    const body = { metadata: { uid }, status: { ...removed, ...status } };
    await this.#options.client.patch(PODS, { namespace, name }, body, {
      type: 'merge',
      subresource: 'status',
      signal,
    });
  }

  async removePod(pod: Pod, signal: AbortSignal): Promise<boolean> {
    const { namespace, name, uid } = pod.metadata;
    try {
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      return await this.#options.client.delete(PODS, { namespace, name }, options, { signal });
    } catch (error) {
      if (isNotFound(error) || (error instanceof FairleadError && error.code === 'conflict')) return false;
      throw error;
    }
  }

  event(pod: Pod, event: PodEvent): void {
    this.#options.events.record(pod, event);
  }

  /** Pods are told only once ConfigMaps, Secrets and Services have had their first list. */
  async start(nodes: ReadonlySet<string>, listener: ClusterListener, signal: AbortSignal): Promise<void> {
    const synced: Promise<void>[] = [];
    const loops = [
      this.#feed(CONFIG_MAPS, this.#configMaps, { tell: teller(listener, 'configmap'), synced, signal }),
      this.#feed(SECRETS, this.#secrets, { tell: teller(listener, 'secret'), synced, signal }),
      this.#feed(SERVICES, this.#services, { tell: () => undefined, synced, signal }),
    ];
    await Promise.race([Promise.all(synced), ended(signal)]);
    loops.push(this.#watch(PODS, podSink(nodes, listener), signal));
    await Promise.all(loops);
  }

  #feed<T extends KubeObject>(
    resource: ResourceRef<T>,
    into: Map<string, T>,
    of: {
      readonly tell: (changed: readonly KubeObject[]) => void;
      readonly synced: Promise<void>[];
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    of.synced.push(promise);
    const sink: ListWatchSink<T> = {
      replace: (objects) => {
        into.clear();
        for (const [key, object] of objects) into.set(key, object);
        resolve();
        of.tell([...objects.values()]);
      },
      put: (key, object) => {
        into.set(key, object);
        of.tell([object]);
      },
      delete: (key) => void into.delete(key),
    };
    return this.#watch(resource, sink, of.signal);
  }

  #watch<T extends KubeObject>(
    resource: ResourceRef<T>,
    sink: ListWatchSink<T>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, log } = this.#options;
    return new ListWatch<T, T>({
      client,
      resource,
      convert: (object) => object,
      sink,
      onProblem: (error, retryInMs) => log(`${messageOf(error)}; again in ${Math.round(retryInMs)} ms`),
    }).run(signal);
  }
}

function teller(
  listener: ClusterListener,
  kind: ObjectName['kind'],
): (changed: readonly KubeObject[]) => void {
  return (changed) =>
    listener.noteObjects(
      changed.map(({ metadata: { namespace = 'default', name } }) => ({ kind, namespace, name })),
    );
}

/** Status fields that this process writes; others stay. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'initContainerStatuses',
  'containerStatuses',
]);

/** A name may come back with another uid without a deletion in between that we saw. */
function podSink(nodes: ReadonlySet<string>, listener: ClusterListener): ListWatchSink<Pod> {
  const uids = new Map<string, string>();
  const isOurs = (pod: Pod): boolean => nodes.has(pod.spec?.nodeName ?? '');
  return {
    replace: (objects) => {
      const ours = [...objects].filter(([, pod]) => isOurs(pod));
      uids.clear();
      for (const [key, pod] of ours) uids.set(key, pod.metadata.uid);
      listener.replace(ours.map(([, pod]) => pod));
    },
    put: (key, pod) => {
      const old = uids.get(key);
      if (old !== undefined && old !== pod.metadata.uid) listener.delete(old);
      uids.delete(key);
      if (!isOurs(pod)) return;
      uids.set(key, pod.metadata.uid);
      listener.put(pod);
    },
    delete: (key) => {
      const uid = uids.get(key);
      uids.delete(key);
      if (uid !== undefined) listener.delete(uid);
    },
  };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
