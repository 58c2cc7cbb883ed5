// Objects of manifests (or of a dump) as questions about policies need them: workloads with an address each, policies with their places.

import { parseCidr, type Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { tryParseIp, type Ip } from '../base/ip.ts';
import type { RawNode, RawPod } from '../oracle/raw-objects.ts';
import type {
  RawClusterNetworkPolicy,
  RawNamespace,
  RawNetworkPolicy,
  RawPolicyObjects,
} from '../oracle/raw-policies.ts';
import { namespaceOf, placeOf, placeText, type PlacedObject } from './placed-object.ts';
import { StandInAddresses } from './stand-in-addresses.ts';
import { isOwnedBy, nameOfWorkload, ownerKey, workloadOf, type Workload } from './workload.ts';

export interface PolicyWorldSettings {
  /** Where pods without an address are taken to be: a prefix, or one of each family. */
  readonly podCidrs: readonly Cidr[];
}

export interface PolicyWorld {
  /** What runs pods; not what another workload of the set made. In the order of the objects. */
  readonly workloads: readonly Workload[];
  /** Pods and replica sets that others of `workloads` made, for those who ask by their name. */
  readonly owned: readonly Workload[];
  /** What `judge` of the oracle asks; `pods` are those of the workloads, each with a twin. */
  readonly objects: RawPolicyObjects;
  readonly policies: readonly PlacedObject[];
  readonly namespaces: readonly PlacedObject[];
  readonly services: readonly PlacedObject[];
}

/** The other pod of a workload: what two replicas say to each other is not said to itself. */
export function twinOf(workload: Workload): string {
  return workload.kind === 'Pod' ? workload.pod.metadata.name : `${workload.pod.metadata.name} (another)`;
}

/** Nodes of host-network pods without a known one: beside every pod prefix that is in use. */
const NODE_CIDRS = ['10.89.0.0/16', 'fd00:10:89::/48'];

const NETWORK_POLICY = 'networking.k8s.io/v1';
const CLUSTER_POLICY = 'policy.networking.k8s.io/v1alpha2';

/** Policies and namespaces must be valid as the API server says. Throws `invalid` where an object stands twice. */
export function readPolicyWorld(placed: readonly PlacedObject[], settings: PolicyWorldSettings): PolicyWorld {
  refuseTwice(placed);
  const keys = new Set(
    placed.map((it) => ownerKey(namespaceOf(it), it.object.kind, it.object.metadata.name)),
  );
  const all = placed.flatMap((it) => workloadOf(it) ?? []);
  const [workloads, owned] = [
    all.filter((it) => !isOwnedBy(it.placed, keys)),
    all.filter((it) => isOwnedBy(it.placed, keys)),
  ];
  const ofKind = (apiVersion: string, kind: string): readonly PlacedObject[] =>
    placed.filter(({ object }) => object.apiVersion === apiVersion && object.kind === kind);
  const networkPolicies = ofKind(NETWORK_POLICY, 'NetworkPolicy');
  const clusterPolicies = ofKind(CLUSTER_POLICY, 'ClusterNetworkPolicy');
  const namespaces = ofKind('v1', 'Namespace');
  const located = locate(all, ofKind('v1', 'Node').map(rawOf<RawNode>), settings);
  const objects: RawPolicyObjects = {
    ...located,
    namespaces: namespaces.map(rawOf<RawNamespace>),
    networkPolicies: networkPolicies.map(withNamespace),
    clusterNetworkPolicies: clusterPolicies.map(rawOf<RawClusterNetworkPolicy>),
  };
  const policies = [...networkPolicies, ...clusterPolicies];
  return { workloads, owned, objects, namespaces, services: ofKind('v1', 'Service'), policies };
}

/** The kinds that a world is made of; everything else of a set is left aside. */
export function isOfPolicyWorld({ object: { apiVersion, kind } }: PlacedObject): boolean {
  if (apiVersion === 'v1') return ['Namespace', 'Node', 'Pod', 'Service'].includes(kind);
  if (apiVersion === 'apps/v1' || apiVersion === 'batch/v1') return true;
  return (
    (apiVersion === NETWORK_POLICY && kind === 'NetworkPolicy') ||
    (apiVersion === CLUSTER_POLICY && kind === 'ClusterNetworkPolicy')
  );
}

function rawOf<T>({ object }: PlacedObject): T {
  // The shape was checked where the object was read.
  return object as unknown as T;
}

function withNamespace(placed: PlacedObject): RawNetworkPolicy {
  const policy = rawOf<RawNetworkPolicy>(placed);
  return { ...policy, metadata: { ...policy.metadata, namespace: namespaceOf(placed) } };
}

function refuseTwice(placed: readonly PlacedObject[]): void {
  const seen = new Map<string, PlacedObject>();
  for (const it of placed) {
    const { apiVersion, kind, metadata } = it.object;
    const key = `${apiVersion} ${kind} ${namespaceOf(it)}/${metadata.name}`;
    const first = seen.get(key);
    if (first !== undefined)
      throw new FairleadError(
        'invalid',
        `Cannot use ${placeText(placeOf(it))}: ${kind} ${metadata.name} stands at ${placeText(placeOf(first))} already`,
      );
    seen.set(key, it);
  }
}

/** Gives every pod an address of each family, and every host-network pod a node. */
function locate(
  workloads: readonly Workload[],
  nodes: readonly RawNode[],
  { podCidrs }: PolicyWorldSettings,
): Pick<RawPolicyObjects, 'pods' | 'nodes'> {
  const [ofPods, ofNodes] = [new StandInAddresses(podCidrs), new StandInAddresses(NODE_CIDRS.map(parseCidr))];
  const known = new Set(nodes.map((it) => it.metadata.name));
  const pods: RawPod[] = [];
  const made: RawNode[] = [];
  for (const workload of workloads) {
    const { pod } = workload;
    if (pod.spec.hostNetwork === true) {
      const name = pod.spec.nodeName ?? '';
      const node = known.has(name)
        ? undefined
        : standInNode(`node of ${nameOfWorkload(workload)}`, ofNodes.next());
      if (node !== undefined) made.push(node);
      pods.push({ ...pod, spec: { ...pod.spec, nodeName: node?.metadata.name ?? name } });
    } else {
      pods.push(withAddress(pod, ofPods));
      const twin = { ...pod, metadata: { ...pod.metadata, name: twinOf(workload) }, status: {} };
      if (workload.kind !== 'Pod') pods.push(withAddress(twin, ofPods));
    }
  }
  return { pods, nodes: [...nodes, ...made] };
}

function withAddress(pod: RawPod, addresses: StandInAddresses): RawPod {
  if (knownIpsOf(pod).length > 0) return pod;
  return { ...pod, status: { ...pod.status, podIPs: addresses.next().map((ip) => ({ ip })) } };
}

/** The addresses that the pod's status names. */
export function knownIpsOf({ status }: RawPod): readonly Ip[] {
  return (status?.podIPs ?? []).flatMap(({ ip }) => tryParseIp(ip) ?? []);
}

function standInNode(name: string, ips: readonly Ip[]): RawNode {
  const addresses = ips.map((address) => ({ type: 'InternalIP', address }));
  return { metadata: { name }, status: { addresses } };
}
