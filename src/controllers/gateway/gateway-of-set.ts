// The Gateway that a ListenerSet asks to be part of. Pure.

import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { KubeObject } from '../../objects/meta.ts';

/** "namespace/name"; undefined where it asks for something else. */
export function gatewayOfSet(set: KubeObject | undefined): string | undefined {
  const spec = set?.['spec'] as
    | {
        readonly parentRef?: { readonly group?: string; readonly namespace?: string; readonly name?: string };
      }
    | undefined;
  const { group = GATEWAY_GROUP, namespace, name } = spec?.parentRef ?? {};
  if (set === undefined || name === undefined || group !== GATEWAY_GROUP) return undefined;
  return `${namespace ?? set.metadata.namespace ?? ''}/${name}`;
}
