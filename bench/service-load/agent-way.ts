// What benches share that go the agent's own way without its processes: a configuration, and figures of many times.

import { parseAgentConfig } from '../../src/agent/config.ts';

interface BenchCluster {
  readonly nodeName: string;
  readonly service: string;
  readonly podCidrs: readonly string[];
  readonly dnsIps: readonly string[];
}

/** Paths lead nowhere: nothing of what the configuration names is opened. */
export function benchConfig(cluster: BenchCluster): ReturnType<typeof parseAgentConfig> {
  const nowhere = {
    kubeconfig: '',
    runDir: '',
    stateDir: '',
    pinDir: '',
    objectDir: '',
    cniSocket: '',
    agentSocket: '',
  };
  return parseAgentConfig({
    ...nowhere,
    ...cluster,
    clusterDomain: 'cluster.local',
    serviceCidrs: ['10.96.0.0/12'],
  });
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Of this process, after a collection where node was started with --expose-gc. */
export function memoryMb(): { readonly rssMb: number; readonly heapMb: number } {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssMb: Math.round(rss / 2 ** 20), heapMb: Math.round(heapUsed / 2 ** 20) };
}
