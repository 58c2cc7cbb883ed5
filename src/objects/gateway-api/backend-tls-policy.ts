// The slim BackendTLSPolicy: gateway.networking.k8s.io/v1. How TLS is spoken to the ports of Services.

import type { GatewayMeta, ObjectRef } from './common.ts';

export interface BackendTlsPolicy extends GatewayMeta {
  /** Of its own namespace; `sectionName` is a port's name, undefined for all ports. */
  readonly targets: readonly (ObjectRef & { readonly sectionName: string | undefined })[];
  /** ConfigMaps with `ca.crt`, or none and the machine's own authorities. */
  readonly caCertificates: readonly ObjectRef[];
  readonly usesSystemAuthorities: boolean;
  /** Sent as SNI, and what the certificate must be for where `subjectAltNames` says nothing. */
  readonly hostname: string;
  readonly subjectAltNames: readonly {
    readonly type: 'hostname' | 'uri';
    readonly value: string;
  }[];
  readonly options: ReadonlyMap<string, string>;
}
