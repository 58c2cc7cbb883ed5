// Proves a cluster's network with real packets: each probe starts in its pod's own namespace, looks the name up there and connects.

import type { PathRoots } from '../../base/paths.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../../kube/resource.ts';
import type { ClusterConfig } from '../cluster/cluster-config.ts';
import type { DialResult } from '../workload/dial.ts';
import { dialAll } from './dial-all.ts';
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

/** Tries everything once, a second time what failed at first: a pod may have become ready between look and try. */
export async function checkConnectivity(options: CheckOptions): Promise<CheckReport> {
  const { client, signal } = options;
  const [pods, services, slices] = await Promise.all([
    client.list(PODS, {}, { signal }),
    client.list(SERVICES, {}, { signal }),
    client.list(ENDPOINT_SLICES, {}, { signal }),
  ]);
  const probes = planProbes(pods.items, services.items, slices.items);
  const first = await dialAll(probes, options);
  const again = probes.filter((_, i) => first[i]?.error !== undefined);
  const second = new Map((await dialAll(again, options)).map((result, i) => [again[i], result]));
  // What was given up half-way has failed for no reason of the network.
  signal.throwIfAborted();
  const results = probes.map((probe, i) => second.get(probe) ?? first[i] ?? { error: 'not tried' });
  return {
    probes: probes.length,
    pods: new Set(probes.map((probe) => probe.fromUid)).size,
    services: new Set(probes.map((probe) => probe.to)).size,
    acrossNodes: probes.filter(isAcrossNodes).length,
    medianMs: medianOf(results) ?? 0,
    failures: probes.flatMap((probe, i) => {
      const reason = results[i]?.error;
      return reason === undefined
        ? []
        : [{ from: probe.from, to: targetOf(probe), protocol: probe.protocol, reason }];
    }),
    targets: targetsOf(probes, results),
  };
}

function targetsOf(probes: readonly Probe[], results: readonly DialResult[]): readonly TargetReport[] {
  const byTarget = Map.groupBy(probes.keys(), (i) => {
    const probe = probes[i];
    return probe === undefined ? '' : `${targetOf(probe)} ${probe.protocol}`;
  });
  return [...byTarget.values()].map((indexes) => {
    const own = indexes.flatMap((i) => probes[i] ?? []);
    const answers = indexes.flatMap((i) => results[i] ?? []);
    const [first] = own;
    return {
      to: first === undefined ? '' : targetOf(first),
      protocol: first?.protocol ?? '',
      probes: own.length,
      acrossNodes: own.filter(isAcrossNodes).length,
      failed: answers.filter((it) => it.error !== undefined).length,
      medianMs: medianOf(answers),
    };
  });
}

function targetOf(probe: Probe): string {
  return `${probe.to}:${probe.port}`;
}

/** The API server is an endpoint of no node. */
function isAcrossNodes(probe: Probe): boolean {
  return probe.endpointNodes.some((node) => node !== '' && node !== probe.node);
}

function medianOf(results: readonly DialResult[]): number | undefined {
  const times = results
    .flatMap((result) => (result.ms === undefined ? [] : [result.ms]))
    .toSorted((a, b) => a - b);
  return times[Math.floor(times.length / 2)];
}
