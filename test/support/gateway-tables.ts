// The oracle's objects as compile takes them: lists become maps, and names of usable Secrets and ConfigMaps become ones that hold a certificate.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { GatewayObjects } from '../../src/compile/gateway/gateway-objects.ts';
import { CertificateAuthority } from '../../src/lab/cluster/pki.ts';
import type { StreamRoute } from '../../src/objects/gateway-api/stream-route.ts';
import { objectKey } from '../../src/objects/slim-meta.ts';
import type { GatewayObjects as JudgedObjects } from '../../src/oracle/route-objects.ts';
import { metaOf } from './gateway-objects.ts';

export interface TestPair {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

/** One for `*.example.com` and `b.org`, with the authority's own certificate. */
export async function makeTestPair(): Promise<TestPair> {
  const folder = mkdtempSync(`${tmpdir()}/fairlead-pair-`);
  try {
    const authority = await CertificateAuthority.open(folder);
    const pair = await authority.server('test', { dns: ['*.example.com', 'b.org'], ips: [] });
    return { ...pair, authority: authority.certificatePem };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function tablesOf(objects: JudgedObjects, pair: TestPair): GatewayObjects {
  const streams = (kind: StreamRoute['kind']): ReadonlyMap<string, StreamRoute> =>
    byKey(objects.streamRoutes.filter((it) => it.kind === kind));
  return {
    gatewayClasses: new Map(),
    gateways: byKey(objects.gateways),
    listenerSets: byKey(objects.listenerSets),
    httpRoutes: byKey(objects.httpRoutes),
    grpcRoutes: byKey(objects.grpcRoutes),
    tlsRoutes: streams('TLSRoute'),
    tcpRoutes: streams('TCPRoute'),
    udpRoutes: streams('UDPRoute'),
    referenceGrants: byKey(objects.grants),
    backendTlsPolicies: byKey(objects.tlsPolicies),
    namespaces: new Map(objects.namespaces.map((it) => [it.name, it])),
    services: byKey(objects.services),
    endpointSlices: byKey(objects.endpointSlices),
    secrets: new Map(
      [...objects.certificates].map((key) => [
        key,
        {
          ...metaOf(key),
          type: 'kubernetes.io/tls',
          certificate: pair.certificate,
          key: pair.key,
          authorities: undefined,
          hasRevocations: false,
        },
      ]),
    ),
    configMaps: new Map(
      [...objects.authorities].map((key) => [key, { ...metaOf(key), authorities: pair.authority }]),
    ),
  };
}

function byKey<T extends { readonly namespace: string; readonly name: string }>(
  list: readonly T[],
): ReadonlyMap<string, T> {
  return new Map(list.map((it) => [objectKey(it), it]));
}
