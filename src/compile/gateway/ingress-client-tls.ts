// Hosts whose clients have to show a certificate (auth-tls-secret): listeners of their own, since it is asked for by the name that the client gives.

import type { HostTable, HttpsListener, ProxyCertificate, ProxyRule } from '../../model/gateway.ts';
import type { ClientCertificate } from '../../model/request-guards.ts';
import type { IngressProblem } from '../../model/ingress-verdict.ts';
import type { CertificateSecret } from '../../objects/certificates.ts';
import type { CredentialSecret } from '../../objects/credentials.ts';
import type { Ingress } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { problemOfAuthorities, type Authority } from './authorities.ts';
import { readAnnotations } from './ingress-annotations.ts';
import type { Hostname } from './hostnames.ts';
import type { IngressParts } from './ingress-parts.ts';

export interface IngressClientTls {
  readonly authority: Authority;
  readonly isRequired: boolean;
}

export interface AuthoritySecrets {
  readonly credentials: ReadonlyMap<string, CredentialSecret>;
  readonly secrets: ReadonlyMap<string, CertificateSecret>;
}

/** Key of the Secret that it names; undefined for none. */
export function authorityOfIngress(ingress: Ingress): string | undefined {
  const { clientTls } = readAnnotations(ingress).options;
  if (clientTls === undefined) return undefined;
  return clientTls.secret.includes('/') ? clientTls.secret : `${ingress.namespace}/${clientTls.secret}`;
}

/** Why clients cannot be asked, as text. */
export function resolveClientTls(
  ingress: Ingress,
  { credentials, secrets }: AuthoritySecrets,
): { readonly filter: ClientCertificate; readonly clientTls: IngressClientTls } | string | undefined {
  const { options } = readAnnotations(ingress);
  const key = authorityOfIngress(ingress);
  if (options.clientTls === undefined || key === undefined) return undefined;
  if (!key.startsWith(`${ingress.namespace}/`)) return `Secret ${key} is of another namespace`;
  const secret = credentials.get(key) ?? secrets.get(key);
  if (secret?.authorities === undefined) return `Secret ${key} does not exist, or has no ca.crt`;
  if (secret.hasRevocations) return `Secret ${key} has ca.crl: revoked certificates are not told apart`;
  const problem = problemOfAuthorities(secret.authorities);
  if (problem !== undefined) return `ca.crt of Secret ${key} ${problem}`;
  const hosts = [...ingress.rules.map(({ host }) => host), ...options.hostAliases];
  const other = hosts.find((it) => it === undefined || it.startsWith('*.'));
  if (hosts.length === 0 || hosts.includes(undefined) || other !== undefined)
    return `${other ?? 'every host'} is no single name`;
  if (ingress.defaultBackend !== undefined) return 'a default backend is for hosts that ask nobody';
  const { verify, subject, passesCertificate } = options.clientTls;
  return {
    filter: { kind: 'client-certificate', verify, subject, passesCertificate },
    clientTls: {
      authority: { id: `Secret ${key}`, pem: secret.authorities },
      isRequired: verify === 'required',
    },
  };
}

export interface AskingHosts {
  readonly listeners: readonly HttpsListener[];
  readonly authorities: ReadonlyMap<string, string>;
  /** By "namespace/name": what cannot be asked as it is wanted, whose rules are answered 500. */
  readonly problems: ReadonlyMap<string, readonly IngressProblem[]>;
}

export interface AskingInputs {
  /** The oldest Ingress first. */
  readonly parts: readonly IngressParts[];
  readonly tables: readonly HostTable[];
  /** The last one is shown where none is for the name. */
  readonly certificates: readonly ProxyCertificate[];
  /** They are seen by nobody. */
  readonly passed: ReadonlySet<string>;
}

/** Of Ingresses of one host those in the namespace of the oldest may ask its clients, and the oldest of those says for what. */
export function askingHosts({ parts, tables, certificates, passed }: AskingInputs): AskingHosts {
  const listeners: HttpsListener[] = [];
  const authorities = new Map<string, string>();
  const problems = new Map<string, IngressProblem[]>();
  const hosts = new Set(parts.flatMap((it) => (it.clientTls === undefined ? [] : [...it.hosts.keys()])));
  for (const host of hosts) {
    if (host === undefined) continue;
    const all = parts.filter((it) => it.hosts.has(host));
    const asking = all.filter((it) => it.clientTls !== undefined);
    const first = asking.find((it) => it.ingress.namespace === all[0]?.ingress.namespace);
    const wanted = passed.has(host) ? undefined : first?.clientTls;
    for (const { ingress, clientTls } of asking) {
      if (JSON.stringify(clientTls) === JSON.stringify(wanted) && isOf(ingress, first)) continue;
      const key = objectKey(ingress);
      const message = `another Ingress has ${host}: its clients are not asked for the certificates of ${clientTls?.authority.id ?? ''}, and requests are answered 500`;
      problems.set(key, [...(problems.get(key) ?? []), { reason: 'HostTaken', message }]);
    }
    if (wanted === undefined) continue;
    authorities.set(wanted.authority.id, wanted.authority.pem);
    listeners.push({
      kind: 'https',
      id: `Ingress ${host} https`,
      hostname: host,
      tls: {
        certificates: shownFor(host, certificates),
        clientValidation: { authorities: [wanted.authority.id], isRequired: wanted.isRequired },
      },
      hosts: tables.filter((it) => isFor(it.hostname, host)),
    });
  }
  return { listeners, authorities, problems };
}

function isOf({ namespace }: Ingress, first: IngressParts | undefined): boolean {
  return namespace === first?.ingress.namespace;
}

/** Those for the name first, for the first one is shown. */
function shownFor(host: string, certificates: readonly ProxyCertificate[]): readonly string[] {
  const fit = certificates.filter(({ names }) => names.some((it) => isFor(it, host)));
  return [...fit, ...certificates.slice(-1)].map(({ id }) => id);
}

/** A star is one label, of certificates and of Ingresses. */
function isFor(name: Hostname, host: string): boolean {
  return name === undefined || name === host || name === host.replace(/^[^.]+/, '*');
}

/** Rules of these Ingresses, which answer 500. */
export function withClosed(
  rules: ReadonlyMap<string, ProxyRule>,
  keys: Iterable<string>,
): ReadonlyMap<string, ProxyRule> {
  const prefixes = [...keys].map((it) => `Ingress/${it}/`);
  if (prefixes.length === 0) return rules;
  const isClosed = (id: string): boolean => prefixes.some((it) => id.startsWith(it));
  return new Map(
    [...rules].map(([id, it]) => [id, isClosed(id) ? { ...it, filters: [], backends: [] } : it]),
  );
}
