// What benches share that go the agent's own way without its processes: a configuration, the way itself, and figures of many times.

import { ViewCompiler, type AgentView } from '../../src/agent/agent-view.ts';
import { BackendChoice } from '../../src/agent/backend-choice.ts';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { NODE_KIND, POD_KIND } from '../../src/agent/watched-kinds.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { parseNode } from '../../src/objects/node.ts';
import type { Engine } from '../../src/reconcile/engine.ts';
import { Store } from '../../src/store/store.ts';

interface BenchCluster {
  readonly nodeName: string;
  readonly service: string;
  readonly podCidrs: readonly string[];
  readonly dnsIps: readonly string[];
}

export type BenchConfig = ReturnType<typeof parseAgentConfig>;

/** Paths lead nowhere: nothing of what the configuration names is opened. */
export function benchConfig(cluster: BenchCluster): BenchConfig {
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

/** The agent's way without its processes and sockets around it. */
export function startWay(config: BenchConfig, engine: Engine<AgentView>, lifetime: Lifetime): Store {
  const store = new Store();
  const { nodeName } = config;
  const choiceOf = (role: string, name: string): BackendChoice =>
    new BackendChoice({ role, known: [name], fallback: name, support: () => ({ kind: 'yes' }) });
  const choices = {
    services: choiceOf('Service', config.service.name),
    policies: choiceOf('policy', 'ebpf'),
  };
  choices.services.want(undefined);
  const compiler = new ViewCompiler(config, {
    choices,
    links: () => [],
    learned: { names: new Map(), takeChanged: () => new Set() },
    hostSearches: () => [],
    onProblem: () => undefined,
  });
  store.table(NODE_KIND).replace(new Map([[nodeName, parseNode({ metadata: { name: nodeName } })]]));
  store.table(POD_KIND).replace(new Map());
  let revision = 0;
  const follow = async (): Promise<void> => {
    const changes = store.changes({ holdOff: { quietMs: 0, maxMs: 0 }, signal: lifetime.signal });
    engine.submit(compiler.compile(store.live(), undefined, undefined), ++revision);
    for await (const batch of changes)
      engine.submit(compiler.compile(store.live(), undefined, batch), ++revision);
  };
  const running = Promise.all([follow(), engine.run(lifetime.signal)]);
  lifetime.defer('way', async () => void (await running));
  return store;
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
