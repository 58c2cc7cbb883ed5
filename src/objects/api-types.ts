// The Kubernetes API's raw types by their own names, read-only: what controllers get from a watch and render from.

import type * as apps from 'kubernetes-types/apps/v1.d.ts';
import type * as batch from 'kubernetes-types/batch/v1.d.ts';
import type * as coordination from 'kubernetes-types/coordination/v1.d.ts';
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type * as discovery from 'kubernetes-types/discovery/v1.d.ts';
import type * as networking from 'kubernetes-types/networking/v1.d.ts';
import type * as policy from 'kubernetes-types/policy/v1.d.ts';
import type { ObjectMeta } from './meta.ts';

/** `T` with every property and array read-only, all the way down. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** An object as served: `metadata` is whole, its name and revision are there. */
export type Served<T> = DeepReadonly<Omit<T, 'metadata' | 'apiVersion' | 'kind'>> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
};

export type Pod = Served<core.Pod>;
export type PodSpec = DeepReadonly<core.PodSpec>;
export type PodStatus = DeepReadonly<core.PodStatus>;
export type PodTemplateSpec = DeepReadonly<core.PodTemplateSpec>;
export type Container = DeepReadonly<core.Container>;
export type ContainerStatus = DeepReadonly<core.ContainerStatus>;
export type Probe = DeepReadonly<core.Probe>;
export type Service = Served<core.Service>;
export type ServicePort = DeepReadonly<core.ServicePort>;
export type Endpoints = Served<core.Endpoints>;
export type Node = Served<core.Node>;
export type Namespace = Served<core.Namespace>;
export type NetworkPolicy = Served<networking.NetworkPolicy>;
export type ConfigMap = Served<core.ConfigMap>;
export type Secret = Served<core.Secret>;
export type PersistentVolumeClaim = Served<core.PersistentVolumeClaim>;
export type ServiceAccount = Served<core.ServiceAccount>;
export type Event = Served<core.Event>;
export type Deployment = Served<apps.Deployment>;
export type ReplicaSet = Served<apps.ReplicaSet>;
export type StatefulSet = Served<apps.StatefulSet>;
export type DaemonSet = Served<apps.DaemonSet>;
export type ControllerRevision = Served<apps.ControllerRevision>;
export type Job = Served<batch.Job>;
export type CronJob = Served<batch.CronJob>;
export type EndpointSlice = Served<discovery.EndpointSlice>;
export type Endpoint = DeepReadonly<discovery.Endpoint>;
export type EndpointPort = DeepReadonly<discovery.EndpointPort>;
export type Lease = Served<coordination.Lease>;
export type PodDisruptionBudget = Served<policy.PodDisruptionBudget>;
