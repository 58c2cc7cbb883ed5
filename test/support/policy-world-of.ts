// A world of policies from YAML, as the command line reads it: lines count in the text itself.

import assert from 'node:assert/strict';
import { parseCidr } from '../../src/base/cidr.ts';
import { readManifests } from '../../src/lab/manifests/read-manifests.ts';
import type { PlacedObject } from '../../src/policy/placed-object.ts';
import { isOfPolicyWorld, readPolicyWorld, type PolicyWorld } from '../../src/policy/policy-world.ts';

/** Where pods without an address are taken to be. */
export const POD_CIDRS = [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')];

export function policyWorldOf(text: string, file = 'a.yaml'): PolicyWorld {
  return readPolicyWorld(placedOf(text, file), { podCidrs: POD_CIDRS });
}

export function placedOf(text: string, file = 'a.yaml'): readonly PlacedObject[] {
  const { manifests, complaints } = readManifests(file, text);
  assert.deepEqual(complaints, []);
  return manifests.filter(isOfPolicyWorld);
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
