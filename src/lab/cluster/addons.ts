// Objects that every one-machine cluster has, applied by `up` like a user's own manifests.

import type { Manifest, ManifestObject } from '../manifests/load.ts';
import type { ClusterConfig } from './cluster-config.ts';

/** The Service of the cluster's DNS. Without pods behind its selector its addresses are each node's own; a CoreDNS behind it takes over. */
export function addons(cluster: ClusterConfig): readonly Manifest[] {
  const dns: ManifestObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      clusterIP: cluster.dnsIps[0],
      clusterIPs: cluster.dnsIps,
      ipFamilyPolicy: 'PreferDualStack',
      selector: { 'k8s-app': 'kube-dns' },
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
    },
  };
  return [{ file: 'built-in', line: 1, object: dns, lineOf: () => 1 }];
}
