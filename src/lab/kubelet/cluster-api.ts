// What the kubelet part needs of the Kubernetes API, as narrow as it is. `KubeClusterApi` is the real one; tests have their own.

import type { ConfigMap, Pod, PodStatus, Secret, Service } from '../../objects/api-types.ts';

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Container that the event is about. */
  readonly container: string | undefined;
}

/** Objects are served from a copy that a watch keeps; undefined means that there is none. */
export interface ClusterApi {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  services(): readonly Service[];
  /** A token for the pod's service account, bound to the pod. */
  serviceAccountToken(pod: Pod, request: TokenRequest, signal: AbortSignal): Promise<ServiceAccountToken>;
  /** Replaces the status; `before` is what was sent last, so that fields that are gone are removed. */
  writeStatus(pod: Pod, status: PodStatus, signal: AbortSignal): Promise<void>;
  /** Removes the object for good once nothing of it runs; false where it is gone or another one of the name is there. */
  removePod(pod: Pod, signal: AbortSignal): Promise<boolean>;
  /** Never fails and never waits: an event may be lost. */
  event(pod: Pod, event: PodEvent): void;
}

export interface TokenRequest {
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

export interface ServiceAccountToken {
  readonly token: string;
  readonly expiresAtMs: number;
}
