// The composition root of a node: each part is started by one line, in the order in which one needs the other.

import { Engine } from '../reconcile/engine.ts';
import type { CniServer } from '../cni/server.ts';
import type { AgentContext } from './agent-context.ts';
import { startAgentServer } from './agent-server.ts';
import { mergeViews, type AgentView } from './agent-view.ts';
import { startClusterWatch, type ClusterWatch } from './cluster-watch.ts';
import { startCni } from './cni.ts';
import { cniReporter, registerCniGauges } from './cni-report.ts';
import { engineReporter, registerEngineGauges } from './engine-report.ts';
import { startNameFeed, type NameFeed } from './name-feed.ts';
import { openNodeDoors } from './node-doors.ts';
import { NodeMemory } from './node-memory.ts';
import { agentParts } from './parts.ts';
import { Receipt } from './receipt.ts';
import { podDatapath, reportPackets } from './pod-datapath.ts';
import { waitingFor, type AgentStatus, type WatchSummary } from './status.ts';
import { startViewLoop } from './view-loop.ts';
import { registerWatchMetrics } from './watch-metrics.ts';

/** Starts everything of a node; all of it ends with the context's lifetime, and what it programmed stays. */
export async function startAgent(context: AgentContext): Promise<void> {
  const { config, clock, random, metrics } = context;
  const doors = await openNodeDoors(context);
  const memory = await NodeMemory.open(context);
  const report = engineReporter(context);
  const convergence = { isReached: false };
  const engine = new Engine<AgentView>({
    parts: agentParts(config, doors),
    clock,
    random,
    // A pass costs what changed: nothing is gained by waiting for more.
    timing: { resyncMs: config.resyncMs, quietMs: 0 },
    merge: mergeViews,
    report: (event) => {
      if (event.kind === 'passed' && event.isConverged) {
        convergence.isReached = true;
        receipt.programmed();
      }
      report(event);
    },
  });
  const datapath = podDatapath(doors.bpf);
  const cni = await startCni(context, { memory, datapath, report: cniReporter(context) });
  const watch = await startClusterWatch(context);
  const names = startNameFeed(context);
  const receipt = new Receipt({
    storeRevision: () => watch.store.revision,
    isConverged: () => engine.isConverged,
    hasNames: () => names?.status().isCurrent ?? true,
    versions: () => Object.fromEntries(watch.status().map(({ kind, version }) => [kind, version])),
  });
  runEngine(context, engine);
  startViewLoop({
    context,
    store: watch.store,
    netlink: doors.netlink,
    onCompiled: (compiled) => {
      receipt.compiled(compiled);
      memory.learn(compiled.view.node?.node, compiled.underlay);
      engine.submit(compiled.view, compiled.revision);
      names?.publish(compiled);
    },
  });
  registerEngineGauges(metrics, () => engine.status());
  registerWatchMetrics(metrics, clock, () => watch.status());
  registerCniGauges(context, cni);
  reportPackets(context, doors.bpf);
  const status = statusOf(context, { engine, watch, receipt, names, cni, convergence });
  await startAgentServer(context, { metrics, status, plan: (signal) => engine.plan(signal) });
}

function runEngine({ lifetime, fail }: AgentContext, engine: Engine<AgentView>): void {
  const running = engine.run(lifetime.signal).catch(fail);
  lifetime.defer('engine', () => running);
}

interface StatusParts {
  readonly engine: Engine<AgentView>;
  readonly watch: ClusterWatch;
  readonly receipt: Receipt;
  readonly names: NameFeed | undefined;
  readonly cni: CniServer;
  readonly convergence: { readonly isReached: boolean };
}

function statusOf(context: AgentContext, parts: StatusParts): () => AgentStatus {
  const startedAtMs = context.clock.nowMs();
  return () => {
    const engine = parts.engine.status();
    const watches = watchSummaries(context, parts.watch);
    const names = parts.names?.status();
    const hasConverged = parts.convergence.isReached;
    const waiting = waitingFor({ engine, watches, names, hasConverged });
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      node: context.config.nodeName,
      pid: process.pid,
      startedAtMs,
      isReady: waiting.length === 0,
      waitingFor: waiting,
      network: context.config.network,
      engine,
      watches,
      programmed: parts.receipt.programmed(),
      names,
      cni: { pods: parts.cni.leases().length, pools: parts.cni.usage() },
      memory: { rssBytes: rss, heapUsedBytes: heapUsed, externalBytes: external },
    };
  };
}

function watchSummaries({ clock }: AgentContext, watch: ClusterWatch): readonly WatchSummary[] {
  const nowMs = clock.monotonicMs();
  return watch.status().map(({ kind, isSynced, objects, failures, refused, disconnectedSinceMs }) => ({
    kind,
    isSynced,
    objects,
    failures,
    refused,
    disconnectedMs: Math.round(nowMs - (disconnectedSinceMs ?? nowMs)),
  }));
}
