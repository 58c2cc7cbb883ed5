// The composition root of a node: each part is started by one line, in the order in which one needs the other.

import { Engine } from '../reconcile/engine.ts';
import type { CniServer } from '../cni/server.ts';
import type { AgentContext } from './agent-context.ts';
import { startAgentServer } from './agent-server.ts';
import { mergeViews, type AgentView } from './agent-view.ts';
import { startClusterWatch, type ClusterWatch } from './cluster-watch.ts';
import { corefileEvents } from './corefile-events.ts';
import { bridgeGate } from './bridged-pods.ts';
import { startCni } from './cni.ts';
import { cniReporter, registerCniGauges } from './cni-report.ts';
import { engineReporter, registerEngineGauges } from './engine-report.ts';
import { startNameFeed, type NameFeed } from './name-feed.ts';
import { NameLatency } from './name-latency.ts';
import { startNameLearner, type NameLearner } from './name-learner.ts';
import { openNodeDoors, type NodeDoors } from './node-doors.ts';
import { reportDenials } from './denial-report.ts';
import { heapCare } from './heap-care.ts';
import { crowdedMaps, watchMapFills } from './map-fill.ts';
import { lookUpKernelName } from './kernel-name.ts';
import { tellKernelAnswers } from './kernel-answers.ts';
import { reportKernelAnswers } from './kernel-names.ts';
import { NodeMemory } from './node-memory.ts';
import { agentParts } from './parts.ts';
import { Receipt, type ProgrammedVersions } from './receipt.ts';
import { openPolicyDesk } from './policy-desk.ts';
import type { LearnedSource } from './policy-part.ts';
import { podDatapath, reportPackets } from './pod-datapath.ts';
import { waitingFor, type AgentStatus, type WatchSummary } from './status.ts';
import type { MapFill } from '../backends/shared-bpf/map-fill.ts';
import type { NodeView } from '../model/network.ts';
import { seenConnections } from './seen-connections.ts';
import { serviceReceipt } from './service-receipt.ts';
import { COREFILE_KEY } from '../objects/corefile.ts';
import type { Service } from '../objects/service.ts';
import type { XdpMode } from '../objects/cluster-settings.ts';
import { openChoices, settleChoices, type BackendChoices } from './backend-choices.ts';
import { startViewLoop, type ViewLoop } from './view-loop.ts';
import { registerWatchMetrics } from './watch-metrics.ts';
import { COREFILE_KIND, SERVICE_KIND } from './watched-kinds.ts';

/** Starts everything of a node; all of it ends with the context's lifetime, and what it programmed stays. */
export async function startAgent(context: AgentContext): Promise<void> {
  const doors = await openNodeDoors(context);
  const memory = await NodeMemory.open(context);
  const convergence = { isReached: false };
  const now: Latest = {};
  const choices = openChoices(context, () => now.loop?.recompile());
  const engine = openEngine(context, doors, (isConverged) => {
    if (settleChoices(choices, (prefix) => engine.isConvergedFor((it) => it.startsWith(prefix))))
      now.loop?.recompile();
    if (engine.isConvergedFor(isOfPolicies)) {
      desk.programmed(now.view?.policies);
      learner?.programmed();
    }
    if (!isConverged) return;
    convergence.isReached = true;
    receipt.programmed();
  });
  const desk = await openPolicyDesk(context, doors, () => now.loop?.recompile());
  const cni = await startCni(context, {
    memory,
    datapath: podDatapath(doors.bpf, desk, bridgeGate(choices.policies, doors.maps)),
    waitForPolicy: (pod, signal) => desk.waitFor(pod, signal),
    report: cniReporter(context),
  });
  desk.learn(cni.leases());
  const learner = learnNames(context, { engine, doors, now });
  const { watch, names } = await followCluster(context);
  const receipt = openReceipt(engine, watch, () => areNamesCurrent(names, learner));
  runEngine(context, engine);
  now.loop = startViewLoop({
    context,
    choices,
    links: desk.links,
    learned: learner?.source ?? NOTHING_LEARNED,
    store: watch.store,
    netlink: doors.netlink,
    onCompiled: (compiled) => {
      now.view = compiled.view;
      receipt.compiled(compiled);
      memory.learn(compiled.view.node?.node, compiled.underlay);
      engine.submit(compiled.view, compiled.revision);
      names?.publish(compiled);
      learner?.watch(compiled.view.policies?.names);
    },
  });
  registerCniGauges(context, cni);
  await report(context, {
    doors,
    engine,
    choices,
    watch,
    receipt,
    names,
    learner,
    cni,
    convergence,
    view: () => now.view?.services,
  });
}

/** The cluster's objects, and its names on their way to the DNS process, with how long these take. */
async function followCluster(
  context: AgentContext,
): Promise<{ readonly watch: ClusterWatch; readonly names: NameFeed | undefined }> {
  const { metrics, clock } = context;
  const serviceOf = (key: string): Service | undefined => watch.store.live().of(SERVICE_KIND).get(key);
  const latency = new NameLatency({
    metrics,
    nowMs: () => clock.nowMs(),
    isHeadless: (service) => isHeadless(serviceOf(service)),
  });
  const watch: ClusterWatch = await startClusterWatch(context, (slice) => latency.seen(slice));
  const names = startNameFeed(context, {
    onCorefile: tellCorefile(context, watch),
    onPublished: (revision) => latency.published(revision),
    onApplied: (revision) => latency.applied(revision),
  });
  return { watch, names };
}

/** With a selector: slices of other Services have no controller that says when something changed. */
function isHeadless(service: Service | undefined): boolean | undefined {
  return service && service.isHeadless && service.selector !== undefined;
}

function tellCorefile(
  context: AgentContext,
  { client, store }: ClusterWatch,
): (because: string | undefined) => void {
  return corefileEvents(context, {
    client,
    uid: () => store.live().of(COREFILE_KIND).get(COREFILE_KEY)?.uid ?? '',
  });
}

function learnNames(
  context: AgentContext,
  parts: { readonly engine: Engine<AgentView>; readonly doors: NodeDoors; readonly now: Latest },
): NameLearner | undefined {
  return startNameLearner(context, {
    conntrack: parts.doors.conntrack,
    isProgrammed: () => parts.engine.isConvergedFor(isOfPolicies),
    onChanged: () => parts.now.loop?.recompile(),
  });
}

function isOfPolicies(target: string): boolean {
  return target.startsWith('policy-');
}

const NOTHING_LEARNED: LearnedSource = { names: new Map(), takeChanged: () => new Set() };

/** The DNS process answers as it should, and holds what it should. */
function areNamesCurrent(names: NameFeed | undefined, learner: NameLearner | undefined): boolean {
  return (names?.status().isCurrent ?? true) && (learner?.status().isCurrent ?? true);
}

function openReceipt(engine: Engine<AgentView>, watch: ClusterWatch, hasNames: () => boolean): Receipt {
  return new Receipt({
    storeRevision: () => watch.store.revision,
    isConverged: () => engine.isConverged,
    hasNames,
    versions: () => Object.fromEntries(watch.status().map(({ kind, version }) => [kind, version])),
  });
}

/** What comes into being after that which needs it. */
interface Latest {
  loop?: ViewLoop;
  /** The newest one that was submitted. */
  view?: AgentView;
}

interface ReportParts extends Omit<StatusParts, 'fills'> {
  readonly doors: NodeDoors;
}

/** Metrics, and the socket by which the agent is asked how it does. */
async function report(context: AgentContext, { doors, ...parts }: ReportParts): Promise<void> {
  const { config, clock, metrics } = context;
  const { engine, choices, watch, receipt, view } = parts;
  registerEngineGauges(metrics, () => engine.status());
  registerWatchMetrics(metrics, clock, () => watch.status());
  const denied = reportDenials(context, doors.bpf);
  reportKernelAnswers(context, doors.bpf);
  tellKernelAnswers(context, doors.maps, parts.names);
  reportPackets(context, doors.bpf, (packet) => denied.note(packet));
  const fills = watchMapFills(context, () => doors.bpf.fills());
  const programmed = (): ProgrammedVersions => receipt.programmed();
  const receipts = { engine, choice: choices.services, programmed, view, node: config.nodeName };
  await startAgentServer(context, {
    metrics,
    status: statusOf(context, { ...parts, fills }),
    plan: (signal) => engine.plan(signal),
    service: (of, signal) => serviceReceipt(of, receipts, signal),
    denied: () => denied.list(),
    connections: () => seenConnections(doors.conntrack, new Set(parts.cni.leases().flatMap((it) => it.ips))),
    names: () => parts.learner?.list() ?? [],
    kernelName: (name) => lookUpKernelName(doors.maps, name),
  });
}

/** `onPassed` is told after each pass whether all is as wanted. */
function openEngine(
  context: AgentContext,
  doors: NodeDoors,
  onPassed: (isConverged: boolean) => void,
): Engine<AgentView> {
  const { config, clock, random, collectGarbage } = context;
  const report = engineReporter(context);
  const care = heapCare(collectGarbage);
  return new Engine<AgentView>({
    parts: agentParts(config, doors),
    clock,
    random,
    // A pass costs what changed: nothing is gained by waiting for more.
    timing: { resyncMs: config.resyncMs, quietMs: 0 },
    merge: mergeViews,
    report: (event) => {
      if (event.kind === 'passed') onPassed(event.isConverged);
      report(event);
      care(event);
    },
  });
}

function runEngine({ lifetime, fail }: AgentContext, engine: Engine<AgentView>): void {
  const running = engine.run(lifetime.signal).catch(fail);
  lifetime.defer('engine', () => running);
}

interface StatusParts {
  readonly engine: Engine<AgentView>;
  readonly choices: BackendChoices;
  readonly view: () => NodeView | undefined;
  readonly fills: () => readonly MapFill[];
  readonly watch: ClusterWatch;
  readonly receipt: Receipt;
  readonly names: NameFeed | undefined;
  readonly learner: NameLearner | undefined;
  readonly cni: CniServer;
  readonly convergence: { readonly isReached: boolean };
}

function xdpOf(view: NodeView | undefined): XdpMode | undefined {
  if (view === undefined) return undefined;
  return view.cluster.hasXdp === true ? 'native' : 'off';
}

function statusOf(context: AgentContext, parts: StatusParts): () => AgentStatus {
  const startedAtMs = context.clock.nowMs();
  return () => {
    const engine = parts.engine.status();
    const watches = watchSummaries(context, parts.watch);
    const names = parts.names?.status();
    const hasConverged = parts.convergence.isReached;
    const learned = parts.learner?.status();
    const waiting = waitingFor({ engine, watches, names, learned, hasConverged });
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      node: context.config.nodeName,
      pid: process.pid,
      startedAtMs,
      isReady: waiting.length === 0,
      waitingFor: waiting,
      network: context.config.network,
      engine,
      services: parts.choices.services.status(),
      policies: parts.choices.policies.status(),
      xdp: xdpOf(parts.view()),
      crowdedMaps: crowdedMaps(parts.fills()),
      watches,
      programmed: parts.receipt.programmed(),
      names,
      learned,
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
