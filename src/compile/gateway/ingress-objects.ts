// The input of the compile of Ingresses: slim objects at one moment, by "namespace/name", classes by name. Which Ingresses are of which class.

import type { CertificateSecret } from '../../objects/certificates.ts';
import type { CredentialSecret } from '../../objects/credentials.ts';
import type { EndpointSlice } from '../../objects/endpoint-slice.ts';
import {
  defaultClassName,
  INGRESS_CONTROLLER,
  type Ingress,
  type IngressClass,
} from '../../objects/ingress.ts';
import type { Service } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';

/** An object is never changed in place: the same reference means the same content. */
export interface IngressObjects {
  readonly ingressClasses: ReadonlyMap<string, IngressClass>;
  readonly ingresses: ReadonlyMap<string, Ingress>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
  readonly secrets: ReadonlyMap<string, CertificateSecret>;
  readonly credentials: ReadonlyMap<string, CredentialSecret>;
}

/** The oldest one first; none of a class that is not there, or somebody else's. */
export function ingressesOfClass(
  className: string,
  { ingresses, ingressClasses }: Pick<IngressObjects, 'ingresses' | 'ingressClasses'>,
): readonly Ingress[] {
  if (ingressClasses.get(className)?.controllerName !== INGRESS_CONTROLLER) return [];
  const inherited = defaultClassName(ingressClasses.values());
  return oldestIngressesFirst(
    [...ingresses.values()].filter((it) => (it.className ?? inherited) === className),
  );
}

/** Where two want the same, the older one has it. */
export function oldestIngressesFirst(ingresses: readonly Ingress[]): readonly Ingress[] {
  const rank = (it: Ingress): string => `${it.createdAt} ${objectKey(it)}`;
  return [...ingresses].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
