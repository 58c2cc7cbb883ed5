// Which certificates the proxy of Ingresses shows for which names. A name is an Ingress's to ask for only where its Secret is for it.

import { messageOf } from '../../base/errors.ts';
import type { ProxyCertificate } from '../../model/gateway.ts';
import type { IngressProblem } from '../../model/ingress-verdict.ts';
import type { CertificateSecret } from '../../objects/certificates.ts';
import type { Ingress } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { certificateOf } from './certificates.ts';

export interface IngressCertificates {
  /** In the order of the Ingresses: the first one that has a name is shown for it. */
  readonly all: readonly ProxyCertificate[];
  readonly problemsOf: (ingress: Ingress) => readonly IngressProblem[];
}

export function ingressCertificates(
  ingresses: readonly Ingress[],
  secrets: ReadonlyMap<string, CertificateSecret>,
): IngressCertificates {
  const found = new Map<string, ProxyCertificate>();
  const problems = new Map<Ingress, IngressProblem[]>();
  for (const ingress of ingresses) {
    const say = (reason: string, message: string): void => {
      const known = problems.get(ingress);
      if (known === undefined) problems.set(ingress, [{ reason, message }]);
      else known.push({ reason, message });
    };
    for (const { hosts, secretName } of ingress.tls) {
      if (secretName === undefined) continue;
      const certificate = readSecret(objectKey({ ...ingress, name: secretName }), secrets, say);
      if (certificate === undefined) continue;
      const names = namesFor(hosts, certificate, say);
      const before = found.get(certificate.id)?.names ?? [];
      found.set(certificate.id, { ...certificate, names: [...new Set([...before, ...names])] });
    }
  }
  return { all: [...found.values()], problemsOf: (ingress) => problems.get(ingress) ?? [] };
}

function readSecret(
  key: string,
  secrets: ReadonlyMap<string, CertificateSecret>,
  say: (reason: string, message: string) => void,
): ProxyCertificate | undefined {
  const secret = secrets.get(key);
  if (secret === undefined) {
    say('CertificateNotFound', `Secret ${key} of type kubernetes.io/tls does not exist`);
    return undefined;
  }
  try {
    return certificateOf(secret);
  } catch (error) {
    say('CertificateNotUsable', messageOf(error));
    return undefined;
  }
}

/** Where no host is named, all that the certificate is for. */
function namesFor(
  hosts: readonly string[],
  { id, names }: ProxyCertificate,
  say: (reason: string, message: string) => void,
): readonly string[] {
  if (hosts.length === 0) return names;
  const others = hosts.filter((host) => !names.some((it) => isFor(it, host)));
  if (others.length > 0)
    say('CertificateNotForHost', `${id} is not for ${others.join(', ')}: it is for ${names.join(', ')}`);
  return hosts.filter((host) => !others.includes(host));
}

/** A star of a certificate stands for one label (RFC 9525 6.3). */
function isFor(name: string, host: string): boolean {
  if (name === host) return true;
  return name.startsWith('*.') && host.replace(/^[^.*]+/, '*') === name;
}
