// The slim BackendTLSPolicy: gateway.networking.k8s.io/v1. How TLS is spoken to the ports of Services.

import { Field } from '../slim-field.ts';
import type { GatewayMeta, ObjectRef } from './common.ts';
import { readGatewayMeta, readRef } from './references.ts';

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

/** Reads a BackendTLSPolicy; throws `invalid` naming the field. */
export function parseBackendTlsPolicy(raw: unknown): BackendTlsPolicy {
  const root = Field.root('BackendTLSPolicy', raw);
  const meta = readGatewayMeta(root);
  const own = { namespace: meta.namespace };
  const validation = root.at('spec.validation');
  return {
    ...meta,
    targets: root
      .at('spec.targetRefs')
      .list()
      .map((it) => ({ ...readRef(it, own), sectionName: it.at('sectionName').optionalText() })),
    caCertificates: validation
      .at('caCertificateRefs')
      .list()
      .map((it) => readRef(it, own)),
    // Another word than this one is somebody's own, and must not be taken for the machine's authorities.
    usesSystemAuthorities: validation.at('wellKnownCACertificates').value === 'System',
    hostname: validation.at('hostname').text().toLowerCase(),
    subjectAltNames: validation.at('subjectAltNames').list().map(readSubjectAltName),
    options: root.at('spec.options').textMap(),
  };
}

const NAME_TYPES = { Hostname: 'hostname', URI: 'uri' } as const;

function readSubjectAltName(field: Field): BackendTlsPolicy['subjectAltNames'][number] {
  const type = field.at('type').choice<'hostname' | 'uri'>(NAME_TYPES);
  const value = field.at(type).text();
  return { type, value: type === 'hostname' ? value.toLowerCase() : value };
}
