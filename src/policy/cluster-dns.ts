// The cluster's DNS server as policies see it: pods of kube-system with a label that every installer gives them, also where each node answers itself.

import { FairleadError } from '../base/errors.ts';
import type { PlacedObject } from './placed-object.ts';
import { readPolicyWorld, type PolicyWorld, type PolicyWorldSettings } from './policy-world.ts';
import type { Workload } from './workload.ts';

export const DNS_NAMESPACE = 'kube-system';
export const DNS_LABELS = { 'k8s-app': 'kube-dns' } as const;
export const DNS_PORT = 53;
/** The name of its Service. */
export const DNS_SERVICE = 'kube-dns';

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
