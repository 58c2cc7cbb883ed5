// The slim Secret and ConfigMap of certificates: core/v1, what TLS needs of them. What the texts say is judged where they are used.

import { Field } from './slim-field.ts';
import { readMeta, type SlimMeta } from './slim-meta.ts';

/** All PEM; undefined where the Secret has no such key. */
export interface CertificateSecret extends SlimMeta {
  /** "kubernetes.io/tls" */
  readonly type: string;
  /** `tls.crt`: the certificate and those between it and its authority. */
  readonly certificate: string | undefined;
  /** `tls.key` */
  readonly key: string | undefined;
  /** `ca.crt` */
  readonly authorities: string | undefined;
  /** It has `ca.crl`. */
  readonly hasRevocations: boolean;
}

export interface AuthorityConfigMap extends SlimMeta {
  /** `ca.crt` as PEM; undefined where the ConfigMap has no such key. */
  readonly authorities: string | undefined;
}

/** Reads a v1 Secret; throws `invalid` naming the field. */
export function parseCertificateSecret(raw: unknown): CertificateSecret {
  const root = Field.root('Secret', raw);
  const data = root.at('data').textMap();
  return {
    ...readMeta(root),
    type: root.at('type').optionalText() ?? 'Opaque',
    certificate: decoded(data.get('tls.crt')),
    key: decoded(data.get('tls.key')),
    authorities: decoded(data.get('ca.crt')),
    hasRevocations: data.has('ca.crl'),
  };
}

/** Reads a v1 ConfigMap; throws `invalid` naming the field. */
export function parseAuthorityConfigMap(raw: unknown): AuthorityConfigMap {
  const root = Field.root('ConfigMap', raw);
  const [data, binary] = [root.at('data').textMap(), root.at('binaryData').textMap()];
  return { ...readMeta(root), authorities: data.get('ca.crt') ?? decoded(binary.get('ca.crt')) };
}

function decoded(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}
