// Objects that every one-machine cluster has, applied by `up` like a user's own manifests.

import { GATEWAY_CONTROLLER } from '../../objects/gateway-api/common.ts';
import { INGRESS_CONTROLLER } from '../../objects/ingress.ts';
import type { Manifest, ManifestObject } from '../manifests/load.ts';
import type { ClusterConfig } from './cluster-config.ts';

export function addons(cluster: ClusterConfig): readonly Manifest[] {
  const pools = cluster.loadBalancerCidrs.length === 0 ? [] : [defaultPool(cluster)];
  return [dnsService(cluster), GATEWAY_CLASS, INGRESS_CLASS, ...pools].map((object) => ({
    file: 'built-in',
    line: 1,
    object,
    lineOf: () => 1,
  }));
}

/** The class that Gateways name: `gatewayClassName: fairlead`. */
const GATEWAY_CLASS: ManifestObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: 'fairlead' },
  spec: { controllerName: GATEWAY_CONTROLLER },
};

/**
 * The class that Ingresses name: `ingressClassName: fairlead`. Not marked as default, so that one that a user brings and marks is the only such one;
 * while this is the cluster's only class it is the default all the same (`defaultClassName`).
 */
const INGRESS_CLASS: ManifestObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'fairlead' },
  spec: { controller: INGRESS_CONTROLLER },
};

/** What `type: LoadBalancer` gets where nobody says otherwise. */
function defaultPool(cluster: ClusterConfig): ManifestObject {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'LoadBalancerPool',
    metadata: { name: 'default' },
    spec: { cidrs: cluster.loadBalancerCidrs },
  };
}

/** The Service of the cluster's DNS. Without pods behind its selector its addresses are each node's own; a CoreDNS behind it takes over. */
function dnsService(cluster: ClusterConfig): ManifestObject {
  return {
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
}
