// Who asks who a client of an Ingress is: as filters, and as what its hosts' listeners ask for. What cannot be had must not be left out.

import type { ProxyFilter } from '../../model/gateway.ts';
import type { CertificateSecret } from '../../objects/certificates.ts';
import type { CredentialSecret } from '../../objects/credentials.ts';
import type { Ingress } from '../../objects/ingress.ts';
import type { Service } from '../../objects/service.ts';
import { readAnnotations } from './ingress-annotations.ts';
import type { BackendWay } from './backends.ts';
import { resolveClientTls, type IngressClientTls } from './ingress-client-tls.ts';
import { credentialsOfIngress, refusedText, resolveCredentials } from './ingress-credentials.ts';
import { resolveAuth } from './ingress-services.ts';

/** What an Ingress's parts are made of beside itself. */
export interface IngressInputs {
  readonly services: ReadonlyMap<string, Service>;
  readonly credentials: ReadonlyMap<string, CredentialSecret>;
  readonly secrets: ReadonlyMap<string, CertificateSecret>;
}

export interface IngressGuards {
  readonly filters: readonly ProxyFilter[];
  readonly clientTls: IngressClientTls | undefined;
  readonly ways: readonly BackendWay[];
  /** By annotation, why it cannot be had: nobody may come in. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Who cannot come in. */
  readonly unusable: string | undefined;
}

export function resolveGuards(ingress: Ingress, inputs: IngressInputs): IngressGuards {
  const filters: ProxyFilter[] = [];
  const ways: BackendWay[] = [];
  const refusals = new Map<string, string>();
  const client = resolveClientTls(ingress, inputs);
  if (typeof client === 'string') refusals.set('auth-tls-secret', client);
  else if (client !== undefined) filters.push(client.filter);
  const users = resolveUsers(ingress, inputs);
  if (typeof users === 'string') refusals.set('auth-secret', users);
  else if (users !== undefined) filters.push(users.filter);
  const { authRequest } = readAnnotations(ingress).options;
  const asked = authRequest && resolveAuth(authRequest, inputs.services);
  if (asked !== undefined && 'problem' in asked) refusals.set('auth-url', asked.problem.message);
  else if (asked !== undefined) {
    filters.push(asked.filter);
    if (asked.way !== undefined) ways.push(asked.way);
  }
  const clientTls = typeof client === 'string' ? undefined : client?.clientTls;
  const unusable = typeof users === 'string' ? undefined : users?.unusable;
  return { filters, clientTls, ways, refusals, unusable };
}

function resolveUsers(
  ingress: Ingress,
  { credentials }: IngressInputs,
): { readonly filter: ProxyFilter; readonly unusable: string | undefined } | string | undefined {
  const { basicAuth } = readAnnotations(ingress).options;
  const key = credentialsOfIngress(ingress);
  if (basicAuth === undefined || key === undefined) return undefined;
  if (!key.startsWith(`${ingress.namespace}/`)) return `Secret ${key} is of another namespace`;
  const found = resolveCredentials(basicAuth, key, credentials.get(key));
  if (typeof found === 'string') return found;
  const { filter, refused } = found;
  return { filter, unusable: refused.length === 0 ? undefined : refusedText(key, refused) };
}
