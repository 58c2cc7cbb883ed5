// Objects of the Gateway API as they are written to a file.

import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';

export interface ManifestLike {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export function gatewayApiObject(
  kind: string,
  metadata: ManifestLike['metadata'],
  spec: ManifestLike['spec'],
): ManifestLike {
  const version = kind === 'ReferenceGrant' ? 'v1beta1' : 'v1';
  return { apiVersion: `${GATEWAY_GROUP}/${version}`, kind, metadata, spec };
}
