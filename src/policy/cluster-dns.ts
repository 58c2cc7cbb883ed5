// The cluster's DNS server as policies see it: pods of kube-system with a label that every installer gives them, also where each node answers itself.

import { FairleadError } from '../base/errors.ts';
import { tryParseIp, type Ip } from '../base/ip.ts';
import { listOf, objectOf } from '../objects/json.ts';
import { namespaceOf, type PlacedObject } from './placed-object.ts';
import { readPolicyWorld, type PolicyWorld, type PolicyWorldSettings } from './policy-world.ts';
import { nameOfWorkload, type Workload } from './workload.ts';

export const DNS_NAMESPACE = 'kube-system';
export const DNS_LABELS = { 'k8s-app': 'kube-dns' } as const;
export const DNS_PORT = 53;
const DNS_SERVICE = 'kube-dns';

/** Its Service, which stands for it whoever answers in its place: each node does where no pod is behind it. */
export const DNS_END = `${DNS_NAMESPACE}/service/${DNS_SERVICE}`;

export interface WorldWithDns {
  readonly placed: readonly PlacedObject[];
  readonly world: PolicyWorld;
  readonly server: Workload;
}

/** The world with a DNS server: it is seldom in the manifests of an application. */
export function withDns(placed: readonly PlacedObject[], settings: PolicyWorldSettings): WorldWithDns {
  const world = readPolicyWorld(placed, settings);
  const server = world.workloads.find(isDns);
  if (server !== undefined) return { placed, world, server };
  const more = [...placed, DNS_SERVER];
  const worldOfMore = readPolicyWorld(more, settings);
  const added = worldOfMore.workloads.find((it) => it.placed === DNS_SERVER);
  if (added === undefined) throw new FairleadError('internal', 'The DNS server is no workload');
  return { placed: more, world: worldOfMore, server: added };
}

/** Addresses of its Service; none where there is no such object. */
export function dnsAddresses({ services }: PolicyWorld): readonly Ip[] {
  const service = services.find(
    (it) => namespaceOf(it) === DNS_NAMESPACE && it.object.metadata.name === DNS_SERVICE,
  );
  const spec = objectOf(service?.object['spec']);
  return [spec['clusterIP'], ...listOf(spec['clusterIPs'])].flatMap((it) =>
    typeof it === 'string' ? (tryParseIp(it) ?? []) : [],
  );
}

/** How questions name an end: the server in the place of its Service. */
export function endText({ server }: Pick<WorldWithDns, 'server'>, text: string): string {
  return text === DNS_END ? nameOfWorkload(server) : text;
}

export function isDns({ namespace, pod }: Workload): boolean {
  return namespace === DNS_NAMESPACE && pod.metadata.labels?.['k8s-app'] === DNS_LABELS['k8s-app'];
}

/** As installers of clusters make it. */
const DNS_SERVER: PlacedObject = {
  file: '',
  lineOf: () => 1,
  object: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'dns of the cluster', namespace: DNS_NAMESPACE },
    spec: {
      template: {
        metadata: { labels: DNS_LABELS },
        spec: {
          containers: [
            {
              ports: [
                { name: 'dns', containerPort: DNS_PORT, protocol: 'UDP' },
                { name: 'dns-tcp', containerPort: DNS_PORT, protocol: 'TCP' },
              ],
            },
          ],
        },
      },
    },
  },
};
