// Certificates that a cluster's own authority issues: for listeners that end TLS, name no certificate, and ask for it by an option.

import type { ObjectRef } from './common.ts';
import type { Listener } from './gateway.ts';
import { SECRET } from './references.ts';

/** In `tls.options` of a listener; `LOCAL_ISSUER` is the one issuer that there is. */
export const ISSUER_OPTION = 'fairlead.dev/issuer';
export const LOCAL_ISSUER = 'local';

/** The Secret that such a listener has its certificate from; undefined for all others. */
export function localCertificateOf(
  owner: { readonly namespace: string; readonly name: string },
  { name, tls }: Pick<Listener, 'name' | 'tls'>,
): ObjectRef | undefined {
  const asks = tls?.mode === 'terminate' && tls.options.get(ISSUER_OPTION) === LOCAL_ISSUER;
  if (!asks || tls.certificates.length > 0) return undefined;
  return { ...SECRET, namespace: owner.namespace, name: `${owner.name}-${name}-local-tls` };
}
