// Who is asked about an Ingress's requests, as a backend of the proxy.

import type { AuthRequest } from '../../model/request-guards.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { Service } from '../../objects/service.ts';
import { resolveBackend, TO_ANYBODY, type BackendWay, type ResolvedBackend } from './backends.ts';
import { Grants } from './grants.ts';
import type { AuthRequestOptions } from './ingress-options.ts';

export interface ResolvedAuth {
  readonly filter: AuthRequest;
  /** Undefined where the proxy asks itself. */
  readonly way: BackendWay | undefined;
}

/** The problem where the Service cannot be asked. */
export function resolveAuth(
  { service, isTls, ...said }: AuthRequestOptions,
  services: ReadonlyMap<string, Service>,
): ResolvedAuth | Extract<ResolvedBackend, { problem: unknown }> {
  const filter = { kind: 'auth-request', ...said } as const;
  if (service === undefined) return { filter: { ...filter, backend: undefined }, way: undefined };
  const ref: BackendRef = { group: '', kind: 'Service', ...service, weight: 1 };
  // Of any namespace, as with ingress-nginx: nothing of what is answered there reaches a client but a status, cookies and who they are.
  const from = { group: 'networking.k8s.io', kind: 'Ingress', namespace: service.namespace };
  const tls = isTls ? ({ kind: 'tls', tls: TO_ANYBODY } as const) : ({ kind: 'plain' } as const);
  const found = resolveBackend({ grants: new Grants([]), services, tlsOf: () => tls }, from, ref, SHAPE);
  return 'way' in found ? { filter: { ...filter, backend: found.way.id }, way: found.way } : found;
}

const SHAPE = {
  carries: 'http',
  isPassed: false,
  isGrpc: false,
  retry: undefined,
  persistence: undefined,
} as const;
