// The certificates that listeners name, and whether they can be shown to anybody.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { ProxyCertificate } from '../../model/gateway.ts';
import type { ObjectRef } from '../../objects/gateway-api/common.ts';
import type { CertificateSecret } from '../../objects/certificates.ts';
import type { Verdict } from '../../model/gateway-verdict.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { AuthorityInputs } from './authorities.ts';
import type { Referrer } from './grants.ts';
import { no } from './verdicts.ts';

/** What a reference to a certificate leads to, or why it leads to none. */
export function certificateFor(
  from: Referrer,
  ref: ObjectRef,
  { grants, secrets }: Pick<AuthorityInputs, 'grants' | 'secrets'>,
): { readonly certificate: ProxyCertificate } | { readonly problem: Verdict } {
  const invalid = (because: string): { readonly problem: Verdict } => ({
    problem: no('ResolvedRefs', 'InvalidCertificateRef', because),
  });
  if (ref.group !== '' || ref.kind !== 'Secret')
    return invalid(`certificates are Secrets, not ${ref.kind}.${ref.group}`);
  if (!grants.permits(from, ref)) {
    const message = `no ReferenceGrant of namespace ${ref.namespace} lets ${from.kind}s of ${from.namespace} name Secret ${ref.name}`;
    return { problem: no('ResolvedRefs', 'RefNotPermitted', message) };
  }
  const secret = secrets.get(objectKey(ref));
  if (secret === undefined) return invalid(`Secret ${objectKey(ref)} does not exist`);
  try {
    return { certificate: certificateOf(secret) };
  } catch (error) {
    return invalid(messageOf(error));
  }
}

/** Parsed ones, by the Secret that holds them: reading one costs a millisecond. */
const parsed = new WeakMap<CertificateSecret, ProxyCertificate | FairleadError>();

/** Throws `invalid` saying what is wrong with the Secret. */
export function certificateOf(secret: CertificateSecret): ProxyCertificate {
  let found = parsed.get(secret);
  if (found === undefined) {
    found = tried(secret);
    parsed.set(secret, found);
  }
  if (found instanceof FairleadError) throw found;
  return found;
}

function certificateId(ref: Pick<ObjectRef, 'namespace' | 'name'>): string {
  return `Secret ${objectKey(ref)}`;
}

function tried(secret: CertificateSecret): ProxyCertificate | FairleadError {
  try {
    return parse(secret);
  } catch (error) {
    const because = messageOf(error);
    return new FairleadError('invalid', `Secret ${objectKey(secret)}: ${because}`, { cause: error });
  }
}

function parse(secret: CertificateSecret): ProxyCertificate {
  const { certificate, key } = secret;
  if (certificate === undefined || certificate.trim() === '') return invalid('has no tls.crt');
  if (key === undefined || key.trim() === '') return invalid('has no tls.key');
  const leaf = new X509Certificate(certificate);
  if (!leaf.checkPrivateKey(createPrivateKey(key))) invalid('tls.key is not the key of tls.crt');
  return {
    id: certificateId(secret),
    pem: `${certificate.trimEnd()}\n${key.trimEnd()}\n`,
    names: namesOf(leaf),
    validity: { fromMs: leaf.validFromDate.getTime(), untilMs: leaf.validToDate.getTime() },
  };
}

function invalid(because: string): never {
  throw new FairleadError('invalid', because);
}

/** The DNS names that it is for; the common name of those that name none. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const names = (leaf.subjectAltName ?? '')
    .split(', ')
    .flatMap((it) => (it.startsWith('DNS:') ? [it.slice('DNS:'.length).toLowerCase()] : []));
  if (names.length > 0) return names;
  const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
