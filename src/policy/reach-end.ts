// The ends of a matrix: every workload with an address of the family, and what stands for all outside.

import { familyOf, parseIp, tryParseIp, type Family, type Ip } from '../base/ip.ts';
import type { RawContainerPort, RawPod } from '../oracle/raw-objects.ts';
import { containerPorts } from '../oracle/policy-end.ts';
import type { OutsideSample } from './outside-samples.ts';
import type { PolicyWorld } from './policy-world.ts';
import { nameOfWorkload, type Workload } from './workload.ts';

export interface ReachEnd {
  readonly name: string;
  /** What policies take it for: pods alone are their subjects, and found by selectors. */
  readonly kind: 'pod' | 'node' | 'outside';
  readonly ip: Ip;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The node of a pod, or the node that it is. */
  readonly node: string | undefined;
  /** One pod, which may always speak to itself. */
  readonly isSinglePod: boolean;
  readonly ports: readonly RawContainerPort[];
}

/** Workloads in the order of the world, then the samples. Those without an address of the family are left out. */
export function reachEnds(
  world: PolicyWorld,
  family: Family,
  samples: readonly OutsideSample[],
): readonly ReachEnd[] {
  const pods = new Map(world.objects.pods.map((it) => [`${it.metadata.namespace}/${it.metadata.name}`, it]));
  const nodes = new Map(world.objects.nodes.map((it) => [it.metadata.name, it]));
  const workloads = world.workloads.flatMap((workload): readonly ReachEnd[] => {
    const pod = pods.get(`${workload.namespace}/${workload.pod.metadata.name}`);
    if (pod === undefined) return [];
    const isNode = pod.spec.hostNetwork === true;
    const internal = (nodes.get(pod.spec.nodeName ?? '')?.status?.addresses ?? []).filter(
      (it) => it.type === 'InternalIP',
    );
    const ips = isNode
      ? internal.map((it) => parseIp(it.address))
      : (pod.status?.podIPs ?? []).flatMap((it) => tryParseIp(it.ip) ?? []);
    const ip = ips.find((it) => familyOf(it) === family);
    return ip === undefined ? [] : [endOf(workload, pod, ip)];
  });
  return [...workloads, ...samples.map(outsideEnd)];
}

function endOf(workload: Workload, pod: RawPod, ip: Ip): ReachEnd {
  const isNode = pod.spec.hostNetwork === true;
  return {
    name: nameOfWorkload(workload),
    kind: isNode ? 'node' : 'pod',
    ip,
    namespace: workload.namespace,
    labels: pod.metadata.labels ?? {},
    node: pod.spec.nodeName,
    isSinglePod: workload.kind === 'Pod' && !isNode,
    ports: containerPorts(pod),
  };
}

function outsideEnd({ name, ip }: OutsideSample): ReachEnd {
  return {
    name,
    kind: 'outside',
    ip,
    namespace: '',
    labels: {},
    node: undefined,
    isSinglePod: false,
    ports: [],
  };
}

/** Whether policies are not asked between two ends: a pod and itself, a pod and its own node, two that are no pods. */
export function isExempt(from: ReachEnd, to: ReachEnd): boolean {
  if (from.kind !== 'pod' && to.kind !== 'pod') return true;
  if (from === to && from.isSinglePod) return true;
  return from.kind !== to.kind && from.node !== undefined && from.node === to.node;
}
