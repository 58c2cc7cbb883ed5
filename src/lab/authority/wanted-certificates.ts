// Which certificates the cluster's own authority has to issue, and which Secrets hold one that will not do. Pure.

import { tryParseIp } from '../../base/ip.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { GATEWAYS, LISTENER_SETS, SECRETS } from '../../kube/resource.ts';
import { parseGateway, parseListenerSet, type Listener } from '../../objects/gateway-api/gateway.ts';
import { localCertificateOf } from '../../objects/gateway-api/local-certificate.ts';
import { keyOf, type KubeObject, type OwnerReference } from '../../objects/meta.ts';

export interface WantedCertificate {
  readonly namespace: string;
  readonly name: string;
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  /** Goes with it. */
  readonly owner: OwnerReference;
}

/** Annotations of the Secrets: what stands in the certificate, without reading it. */
export const NAMES_ANNOTATION = 'fairlead.dev/certificate-names';
export const RENEW_ANNOTATION = 'fairlead.dev/renew-after';

export function wantedCertificates(cluster: ClusterReader): readonly WantedCertificate[] {
  const gateways = [...cluster.of(GATEWAYS).values()];
  const sets = [...cluster.of(LISTENER_SETS).values()];
  return [
    ...gateways.flatMap((it) => wantedOf(it, () => parseGateway(it).listeners)),
    ...sets.flatMap((it) => wantedOf(it, () => parseListenerSet(it).listeners)),
  ];
}

/** What cannot be read asks for nothing; its own status says why. */
function wantedOf(object: KubeObject, listeners: () => readonly Listener[]): readonly WantedCertificate[] {
  try {
    return listeners().flatMap((it) => wantedBy(object, it) ?? []);
  } catch {
    return [];
  }
}

function wantedBy(object: KubeObject, listener: Listener): WantedCertificate | undefined {
  const { namespace = '', name, uid } = object.metadata;
  const secret = localCertificateOf({ namespace, name }, listener);
  if (secret === undefined) return undefined;
  const { apiVersion, kind } = object;
  const owner = { apiVersion, kind, name, uid, controller: true };
  // Without a name of its own it is reached by its addresses.
  const dns = [listener.hostname ?? 'localhost'];
  const ips = listener.hostname === undefined ? addressesOf(object) : [];
  return { namespace: secret.namespace, name: secret.name, dns, ips, owner };
}

function addressesOf(object: KubeObject): readonly string[] {
  const { addresses = [] } = (object['status'] ?? {}) as {
    readonly addresses?: readonly { readonly value?: string }[];
  };
  return addresses.flatMap(({ value }) => tryParseIp(value ?? '') ?? []);
}

export function namesText({ dns, ips }: Pick<WantedCertificate, 'dns' | 'ips'>): string {
  return [...dns, ...ips].join(',');
}

/** True for a certificate that is to be issued now: there is none, it is for other names, or it is old. */
export function isDue(wanted: WantedCertificate, cluster: ClusterReader, nowMs: number): boolean {
  const secret = cluster.of(SECRETS).get(`${wanted.namespace}/${wanted.name}`);
  if (secret === undefined) return true;
  // Somebody's own under that name is theirs.
  if (!(secret.metadata.ownerReferences ?? []).some(({ uid }) => uid === wanted.owner.uid)) return false;
  const { [NAMES_ANNOTATION]: names, [RENEW_ANNOTATION]: renew = '' } = secret.metadata.annotations ?? {};
  return names !== namesText(wanted) || !(Date.parse(renew) > nowMs);
}

export function keyOfWanted(wanted: WantedCertificate): string {
  return keyOf({ metadata: wanted });
}
