// The objects of a cluster for questions about its Ingresses.

import { INGRESS_CLASSES, INGRESSES, SERVICES, type ResourceRef } from '../kube/resource.ts';
import { apiVersionOf } from '../objects/resources.ts';
import { withCluster } from './cluster-client.ts';

const TIMEOUT_MS = 30_000;
const KINDS: readonly ResourceRef[] = [INGRESS_CLASSES, INGRESSES, SERVICES];

/** What the API of a cluster of this machine holds now. */
export function ingressObjects(
  name: string,
  quiet: boolean | undefined,
): Promise<readonly { readonly kind: string }[]> {
  const flags = { name, quiet: quiet ?? false, timeout: TIMEOUT_MS };
  return withCluster(flags, 'ask', async ({ client, wait }) => {
    const lists = await Promise.all(
      KINDS.map(async (kind) => {
        const { items } = await client.list(kind, {}, { signal: wait.signal });
        // Objects of lists carry neither apiVersion nor kind.
        return items.map((it) => ({ ...it, apiVersion: apiVersionOf(kind), kind: kind.kind }));
      }),
    );
    return lists.flat();
  });
}
