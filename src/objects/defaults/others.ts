// Defaults of the remaining kinds: namespaces, secrets, storage, network policies, classes of ingresses, role bindings.

import type {
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
} from 'kubernetes-types/core/v1.d.ts';
import type { IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts';
import type { RoleBinding } from 'kubernetes-types/rbac/v1.d.ts';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.d.ts';
import type { StorageClass } from 'kubernetes-types/storage/v1.d.ts';
import { NAMESPACE_NAME_LABEL } from '../namespace.ts';

export function defaultNamespace(namespace: Namespace): void {
  const metadata = (namespace.metadata ??= {});
  metadata.labels = { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name ?? '' };
}

/** `stringData` is write-only: it is merged into `data`. */
export function defaultSecret(secret: Secret): void {
  secret.type ||= 'Opaque';
  const { stringData } = secret;
  if (stringData === undefined) return;
  const encoded = Object.entries(stringData).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
  delete secret.stringData;
}

export function defaultNetworkPolicy({ spec }: NetworkPolicy): void {
  if (spec === undefined) return;
  spec.podSelector ??= {};
  if (spec.policyTypes === undefined || spec.policyTypes.length === 0) {
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  }
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ||= 'TCP';
  }
}

export function defaultIngressClass({ spec }: IngressClass): void {
  if (spec?.parameters !== undefined) spec.parameters.scope ||= 'Cluster';
}

export function defaultPersistentVolumeClaim({ spec }: PersistentVolumeClaim): void {
  if (spec !== undefined) spec.volumeMode ||= 'Filesystem';
}

export function defaultPersistentVolume({ spec }: PersistentVolume): void {
  if (spec === undefined) return;
  spec.volumeMode ||= 'Filesystem';
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
}

export function defaultStorageClass(storage: StorageClass): void {
  storage.reclaimPolicy ||= 'Delete';
  storage.volumeBindingMode ||= 'Immediate';
}

export function defaultPriorityClass(priority: PriorityClass): void {
  priority.value ??= 0;
  priority.preemptionPolicy ||= 'PreemptLowerPriority';
}

const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** Of RoleBindings and ClusterRoleBindings. */
export function defaultRoleBinding(binding: RoleBinding): void {
  if (binding.roleRef !== undefined) binding.roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of binding.subjects ?? [])
    if (subject.kind !== 'ServiceAccount') subject.apiGroup ||= RBAC_GROUP;
}
