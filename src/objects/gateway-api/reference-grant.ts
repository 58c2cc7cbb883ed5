// The slim ReferenceGrant: gateway.networking.k8s.io/v1 and v1beta1. It lets other namespaces' objects name some of its own.

import type { GatewayMeta } from './common.ts';

export interface ReferenceGrant extends GatewayMeta {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** `name` undefined for all of the kind. */
  readonly to: readonly {
    readonly group: string;
    readonly kind: string;
    readonly name: string | undefined;
  }[];
}
