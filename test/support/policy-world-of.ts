// A world of policies from YAML, as the command line reads it: lines count in the text itself.

import assert from 'node:assert/strict';
import { parseCidr } from '../../src/base/cidr.ts';
import { readManifests } from '../../src/lab/manifests/read-manifests.ts';
import { isOfPolicyWorld, readPolicyWorld, type PolicyWorld } from '../../src/policy/policy-world.ts';

export function policyWorldOf(text: string, file = 'a.yaml'): PolicyWorld {
  const { manifests, complaints } = readManifests(file, text);
  assert.deepEqual(complaints, []);
  const podCidrs = [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')];
  return readPolicyWorld(manifests.filter(isOfPolicyWorld), { podCidrs });
}

/** A Deployment with the labels; `ports` as in a container. */
export function aDeployment(key: string, labels: string, ports = ''): string {
  const [namespace, name] = key.split('/');
  return `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec: { template: { metadata: { labels: ${labels} }, spec: { containers: [ { name: it, ports: [ ${ports} ] } ] } } }
`;
}

/** A NetworkPolicy; `spec` is a flow mapping of one line, the fourth after the mark. */
export function aNetworkPolicy(key: string, spec: string): string {
  const [namespace, name] = key.split('/');
  return `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
}

export function aClusterPolicy(name: string, spec: string): string {
  return `---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: { name: ${name} }
spec: ${spec}
`;
}

export function aNamespace(name: string, labels = '{}'): string {
  return `---\napiVersion: v1\nkind: Namespace\nmetadata: { name: ${name}, labels: ${labels} }\n`;
}
