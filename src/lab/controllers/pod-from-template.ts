// Makes the pods that workload controllers create: the template's content under its owner's name. Pure.

import { createHash } from 'node:crypto';
import { PODS, type Draft } from '../../kube/resource.ts';
import type { Pod, PodTemplateSpec } from '../../objects/api-types.ts';
import type { KubeObject, OwnerReference } from '../../objects/meta.ts';
import { createAction, deleteAction, type Action } from '../../controllers/action.ts';

export interface PodIdentity {
  /** Undefined where the server shall choose one: "<owner>-xxxxx". */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<Pod['spec']>>;
}

/** The owner reference of a controller: it alone manages the object. */
export function controllerRef(owner: KubeObject, apiVersion: string, kind: string): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function createPod(
  owner: KubeObject,
  ref: OwnerReference,
  template: PodTemplateSpec,
  identity: PodIdentity = {},
): Action {
  const { namespace, name } = owner.metadata;
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const object: Draft<Pod> = {
    metadata: {
      ...(namespace === undefined ? {} : { namespace }),
      ...(identity.name === undefined ? { generateName: `${name}-` } : { name: identity.name }),
      labels: { ...labels, ...identity.labels },
      annotations: { ...annotations, ...identity.annotations },
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [ref],
    },
    spec: { ...template.spec, containers: template.spec?.containers ?? [], ...identity.spec },
  };
  return createAction(PODS, object, { about: owner, reason: 'SuccessfulCreate', text: 'Created pod: ' });
}

export function deletePod(owner: KubeObject, pod: Pod): Action {
  return deleteAction(PODS, pod, {
    announce: { about: owner, reason: 'SuccessfulDelete', text: 'Deleted pod: ' },
  });
}

/** Ten letters and digits that depend on the value's content alone (the order of keys does not count). No vowels, so no words. */
export function contentHash(value: unknown): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const bytes = createHash('sha256').update(canonicalJson(value)).digest().subarray(0, 10);
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}

/** JSON with sorted keys: equal for equal contents. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    const entries = Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}
