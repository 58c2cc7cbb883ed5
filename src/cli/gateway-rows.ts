// Gateways as `up` shows them: where each is reached, and which listeners it has.

import { GATEWAYS } from '../kube/resource.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { parseGateway } from '../objects/gateway-api/gateway.ts';
import { localCertificateOf } from '../objects/gateway-api/local-certificate.ts';
import type { KubeObject } from '../objects/meta.ts';

export interface GatewayRow {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
  /** "HTTPS 443 shop.example" */
  readonly listeners: readonly string[];
  readonly isProgrammed: boolean;
  /** Some listener's certificate is of the cluster's own authority. */
  readonly isLocallyIssued: boolean;
}

export async function gatewayRows(client: KubeClient): Promise<readonly GatewayRow[]> {
  const { items } = await client.list(GATEWAYS);
  return items.map(rowOf);
}

function rowOf(object: KubeObject): GatewayRow {
  const gateway = parseGateway(object);
  const { addresses = [], conditions = [] } = (object['status'] ?? {}) as {
    readonly addresses?: readonly { readonly value?: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return {
    namespace: gateway.namespace,
    name: gateway.name,
    addresses: addresses.flatMap(({ value }) => value ?? []),
    listeners: gateway.listeners.map(({ protocol, port, hostname }) =>
      [protocol, String(port), ...(hostname === undefined ? [] : [hostname])].join(' '),
    ),
    isProgrammed: conditions.some(({ type, status }) => type === 'Programmed' && status === 'True'),
    isLocallyIssued: gateway.listeners.some((it) => localCertificateOf(gateway, it) !== undefined),
  };
}
