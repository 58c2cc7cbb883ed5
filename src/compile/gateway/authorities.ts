// Authorities that objects name: `ca.crt` of ConfigMaps.

import { X509Certificate } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import type { Verdict } from '../../model/gateway-verdict.ts';
import type { AuthorityConfigMap, CertificateSecret } from '../../objects/certificates.ts';
import type { ObjectRef } from '../../objects/gateway-api/common.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { Grants, Referrer } from './grants.ts';
import { no } from './verdicts.ts';

export interface Authority {
  /** "ConfigMap shop/ca" */
  readonly id: string;
  readonly pem: string;
}

export interface AuthorityInputs {
  readonly grants: Grants;
  readonly secrets: ReadonlyMap<string, CertificateSecret>;
  readonly configMaps: ReadonlyMap<string, AuthorityConfigMap>;
}

export interface FoundAuthorities {
  readonly authorities: readonly Authority[];
  /** Of the first reference that leads to none. */
  readonly problem: Verdict | undefined;
}

export function authoritiesOf(
  from: Referrer,
  refs: readonly ObjectRef[],
  inputs: AuthorityInputs,
): FoundAuthorities {
  const authorities: Authority[] = [];
  let problem: Verdict | undefined;
  for (const ref of refs) {
    const found = authorityOf(from, ref, inputs);
    if ('pem' in found) authorities.push(found);
    else problem ??= found;
  }
  return { authorities, problem };
}

function authorityOf(
  from: Referrer,
  ref: ObjectRef,
  { grants, configMaps }: AuthorityInputs,
): Authority | Verdict {
  const key = objectKey(ref);
  if (ref.group !== '' || ref.kind !== 'ConfigMap')
    return no('ResolvedRefs', 'InvalidKind', `authorities are ConfigMaps, not ${ref.kind}.${ref.group}`);
  if (!grants.permits(from, ref)) {
    const message = `no ReferenceGrant of namespace ${ref.namespace} lets ${from.kind}s of ${from.namespace} name ${ref.kind} ${ref.name}`;
    return no('ResolvedRefs', 'RefNotPermitted', message);
  }
  const object = configMaps.get(key);
  const invalid = (because: string): Verdict =>
    no('ResolvedRefs', 'InvalidCACertificateRef', `${ref.kind} ${key} ${because}`);
  if (object === undefined) return invalid('does not exist');
  if (object.authorities === undefined) return invalid('has no ca.crt');
  const problem = problemOfAuthorities(object.authorities);
  return problem === undefined ? { id: `${ref.kind} ${key}`, pem: object.authorities } : invalid(problem);
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** A bundle of all public authorities has about 150. */
const MAX_CERTIFICATES = 512;
const judged = new Map<string, string | undefined>();
const MAX_JUDGED = 256;

/** Reading a bundle costs milliseconds, and the same ones are named again and again. */
export function problemOfAuthorities(pem: string): string | undefined {
  if (judged.has(pem)) return judged.get(pem);
  const problem = problemOfText(pem);
  if (judged.size >= MAX_JUDGED) judged.clear();
  judged.set(pem, problem);
  return problem;
}

function problemOfText(pem: string): string | undefined {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return 'holds no certificate';
  if (blocks.length > MAX_CERTIFICATES) return `holds more than ${MAX_CERTIFICATES} certificates`;
  try {
    for (const block of blocks) void new X509Certificate(block);
    return undefined;
  } catch (error) {
    return `holds no good certificate: ${messageOf(error)}`;
  }
}
