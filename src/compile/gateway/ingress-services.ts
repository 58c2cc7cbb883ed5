// Services that annotations name by an address: who is asked about requests, and who gets copies of them.

import type { AuthRequest } from '../../model/request-guards.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { Service } from '../../objects/service.ts';
import { resolveBackend, TO_ANYBODY, type BackendWay, type ResolvedBackend } from './backends.ts';
import { Grants } from './grants.ts';
import type { AuthRequestOptions, NamedServicePort } from './ingress-options.ts';

/** Of any namespace, as with ingress-nginx: nothing of what is answered there reaches a client but a status, cookies and who they are. */
export function resolveNamed(
  service: NamedServicePort,
  isTls: boolean,
  services: ReadonlyMap<string, Service>,
): ResolvedBackend {
  const ref: BackendRef = { group: '', kind: 'Service', ...service, weight: 1 };
  const from = { group: 'networking.k8s.io', kind: 'Ingress', namespace: service.namespace };
  const tls = isTls ? ({ kind: 'tls', tls: TO_ANYBODY } as const) : ({ kind: 'plain' } as const);
  return resolveBackend({ grants: new Grants([]), services, tlsOf: () => tls }, from, ref, SHAPE);
}

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
  const found = resolveNamed(service, isTls, services);
  return 'way' in found ? { filter: { ...filter, backend: found.way.id }, way: found.way } : found;
}

const SHAPE = {
  carries: 'http',
  isPassed: false,
  isGrpc: false,
  retry: undefined,
  persistence: undefined,
} as const;
