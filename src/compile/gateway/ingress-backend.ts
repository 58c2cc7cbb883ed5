// Where a backend of an Ingress leads.

import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { IngressBackend } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { resolveBackend, type BackendInputs, type BackendShape, type ResolvedBackend } from './backends.ts';
import { no } from './verdicts.ts';

export function resolveIngressBackend(
  inputs: BackendInputs,
  namespace: string,
  backend: IngressBackend,
  shape: BackendShape,
): ResolvedBackend {
  if (backend.kind === 'resource') {
    const { group, kind, name } = backend.ref;
    const message = `backend ${kind}.${group} ${name}: resources other than Services are not served`;
    return { problem: no('ResolvedRefs', 'ResourceBackend', message) };
  }
  const { name, port } = backend;
  const service = inputs.services.get(objectKey({ namespace, name }));
  const number = typeof port === 'number' ? port : service?.ports.find((it) => it.name === port)?.port;
  if (service !== undefined && number === undefined) {
    const message = `Service ${namespace}/${name} has no port ${JSON.stringify(port)}`;
    return { problem: no('ResolvedRefs', 'BackendNotFound', message) };
  }
  const ref: BackendRef = { group: '', kind: 'Service', namespace, name, port: number, weight: 1 };
  return resolveBackend(inputs, { group: 'networking.k8s.io', kind: 'Ingress', namespace }, ref, shape);
}
