// Proves a cluster's network with real packets: each probe starts in its pod's own namespace, looks the name up there and connects. What policies
// deny has to get no answer.

import type { PathRoots } from '../../base/paths.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import {
  CLUSTER_NETWORK_POLICIES,
  ENDPOINT_SLICES,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  PODS,
  SERVICES,
} from '../../kube/resource.ts';
import type { Pod } from '../../objects/api-types.ts';
import { SILENCE_MS } from '../../policy/packet-plan.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { DialResult } from '../workload/dial.ts';
import { dialAll } from './dial-all.ts';
import { expectAnswers, type Expected } from './expect-answers.ts';
import { planProbes, type Probe } from './plan.ts';

export interface CheckOptions {
  readonly client: KubeClient;
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onDetail: (text: string) => void;
}

export interface CheckFailure {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly reason: string;
}

export interface CheckReport {
  readonly probes: number;
  readonly pods: number;
  readonly services: number;
  /** Probes whose Service has an endpoint on another node than the pod's. */
  readonly acrossNodes: number;
  readonly medianMs: number;
  /** Probes that policies deny: none of them is to get an answer. */
  readonly denied: number;
  /** Probes that policies deny for some of their endpoints: either outcome is right. */
  readonly partlyDenied: number;
  readonly failures: readonly CheckFailure[];
  /** The same by the port of a Service, in the order of Services. */
  readonly targets: readonly TargetReport[];
}

export interface TargetReport {
  /** "namespace/name:port" */
  readonly to: string;
  readonly protocol: string;
  readonly probes: number;
  readonly acrossNodes: number;
  readonly failed: number;
  /** Undefined where none succeeded. */
  readonly medianMs: number | undefined;
}

/** Silent probes of one pod that are waited for at once. */
const SILENT_AT_ONCE = 8;

/** Tries everything once, a second time what was not as expected: a pod may have become ready between look and try. */
export async function checkConnectivity(options: CheckOptions): Promise<CheckReport> {
  const { client, signal } = options;
  const [pods, services, slices] = await Promise.all([
    client.list(PODS, {}, { signal }),
    client.list(SERVICES, {}, { signal }),
    client.list(ENDPOINT_SLICES, {}, { signal }),
  ]);
  const probes = planProbes(pods.items, services.items, slices.items);
  const expected = await expectedOf(probes, pods.items, options);
  const first = await tryAll(probes, expected, options);
  const again = [...probes.keys()].filter((i) => reasonOf(expected[i], first[i]) !== undefined);
  const second = await tryAll(
    again.flatMap((i) => probes[i] ?? []),
    again.flatMap((i) => expected[i] ?? []),
    options,
  );
  // What was given up half-way has failed for no reason of the network.
  signal.throwIfAborted();
  const secondOf = new Map(again.map((i, at) => [i, second[at]]));
  const outcomes = probes.map((probe, i): Outcome => {
    const result = secondOf.get(i) ?? first[i] ?? { error: 'not tried' };
    return { probe, ms: result.ms, reason: reasonOf(expected[i], result) };
  });
  return {
    probes: probes.length,
    pods: new Set(probes.map((probe) => probe.fromUid)).size,
    services: new Set(probes.map((probe) => probe.to)).size,
    acrossNodes: probes.filter(isAcrossNodes).length,
    medianMs: medianOf(outcomes) ?? 0,
    denied: expected.filter((it) => it === 'silence').length,
    partlyDenied: expected.filter((it) => it === 'either').length,
    failures: outcomes.flatMap(({ probe, reason }) =>
      reason === undefined
        ? []
        : [{ from: probe.from, to: targetOf(probe), protocol: probe.protocol, reason }],
    ),
    targets: targetsOf(outcomes),
  };
}

interface Outcome {
  readonly probe: Probe;
  readonly ms: number | undefined;
  /** Why it is not as expected. */
  readonly reason: string | undefined;
}

async function expectedOf(
  probes: readonly Probe[],
  pods: readonly Pod[],
  { client, cluster, signal }: CheckOptions,
): Promise<readonly Expected[]> {
  const [nodes, namespaces, networkPolicies, clusterNetworkPolicies] = await Promise.all([
    client.list(NODES, {}, { signal }),
    client.list(NAMESPACES, {}, { signal }),
    client.list(NETWORK_POLICIES, {}, { signal }),
    client.list(CLUSTER_NETWORK_POLICIES, {}, { signal }),
  ]);
  return expectAnswers(probes, cluster.dnsIps, {
    pods,
    nodes: nodes.items,
    namespaces: namespaces.items,
    networkPolicies: networkPolicies.items,
    clusterNetworkPolicies: clusterNetworkPolicies.items,
  });
}

/** Results in the order of the probes. */
async function tryAll(
  probes: readonly Probe[],
  expected: readonly Expected[],
  options: CheckOptions,
): Promise<readonly DialResult[]> {
  const isAnswered = (_: unknown, i: number): boolean => expected[i] === 'answer';
  const answered = probes.filter(isAnswered);
  const others = probes.filter((it, i) => !isAnswered(it, i));
  const [first, second] = await Promise.all([
    dialAll(answered, options),
    dialAll(others, { ...options, timeoutMs: SILENCE_MS, atOnce: SILENT_AT_ONCE }),
  ]);
  const results = [...first, ...second];
  const byProbe = new Map([...answered, ...others].map((probe, i) => [probe, results[i]]));
  return probes.map((probe) => byProbe.get(probe) ?? { error: 'not tried' });
}

function reasonOf(expected: Expected | undefined, result: DialResult | undefined): string | undefined {
  const error = result === undefined ? 'not tried' : result.error;
  if (expected === 'answer') return error;
  if (expected !== 'silence' || (error !== undefined && result?.reason !== 'refused')) return undefined;
  return `${error === undefined ? 'answered' : 'refused by the pod'}, and policies deny it`;
}

function targetsOf(outcomes: readonly Outcome[]): readonly TargetReport[] {
  const byTarget = Map.groupBy(outcomes, ({ probe }) => `${targetOf(probe)} ${probe.protocol}`);
  return [...byTarget.values()].map((own) => ({
    to: own[0] === undefined ? '' : targetOf(own[0].probe),
    protocol: own[0]?.probe.protocol ?? '',
    probes: own.length,
    acrossNodes: own.filter(({ probe }) => isAcrossNodes(probe)).length,
    failed: own.filter(({ reason }) => reason !== undefined).length,
    medianMs: medianOf(own),
  }));
}

function targetOf(probe: Probe): string {
  return `${probe.to}:${probe.port}`;
}

/** The API server is an endpoint of no node. */
function isAcrossNodes(probe: Probe): boolean {
  return probe.endpointNodes.some((node) => node !== '' && node !== probe.node);
}

function medianOf(outcomes: readonly Outcome[]): number | undefined {
  const times = outcomes.flatMap(({ ms }) => (ms === undefined ? [] : [ms])).toSorted((a, b) => a - b);
  return times[Math.floor(times.length / 2)];
}
