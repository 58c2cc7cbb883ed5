// From the event to the kernel, for policies: a cluster of 10,000 pods in 100 namespaces with 1,000 policies, as one node with 100 of the pods has it.
// From cold, then single changes of policies and of pods elsewhere. Prints JSON lines, for each backend. Needs root and build/bpf.
// Usage: node bench/policy-programming.ts [BACKEND,...] [PODS] [POLICIES] [CHANGES]

import { mergeViews, ViewCompiler, type AgentView } from '../src/agent/agent-view.ts';
import { BackendChoice } from '../src/agent/backend-choice.ts';
import {
  CLUSTER_NETWORK_POLICY_KIND,
  ENDPOINT_SLICE_KIND,
  IDENTITY_KIND,
  NAMESPACE_KIND,
  NETWORK_POLICY_KIND,
  NODE_KIND,
  POD_KIND,
  SERVICE_KIND,
  SETTINGS_KIND,
} from '../src/agent/watched-kinds.ts';
import { podStandingPart } from '../src/backends/shared-node/pod-standing.ts';
import { POLICY_BACKENDS } from '../src/backends/registry.ts';
import { openNodeBpf } from '../src/backends/shared-bpf/node-bpf.ts';
import { CLOSED_STANDING } from '../src/backends/shared-bpf/pod-interfaces.ts';
import type { PodLink } from '../src/backends/shared-node/policy-backend.ts';
import { systemClock } from '../src/base/clock.ts';
import { parseIp, type Ip } from '../src/base/ip.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { macFromSeed } from '../src/base/mac.ts';
import { parseClusterNetworkPolicy } from '../src/objects/cluster-network-policy.ts';
import { parseIdentity } from '../src/objects/identity.ts';
import { parseNamespace } from '../src/objects/namespace.ts';
import { parseNetworkPolicy } from '../src/objects/network-policy.ts';
import { parseNode } from '../src/objects/node.ts';
import { parsePod } from '../src/objects/pod.ts';
import { Engine } from '../src/reconcile/engine.ts';
import { Store } from '../src/store/store.ts';
import { buildServiceWorld } from '../test/contract/service-world.ts';
import { benchConfig, memoryMb, quantile } from './service-load/agent-way.ts';

const [names = '', pods = '10000', policies = '1000', changes = '200'] = process.argv.slice(2);
const PODS = Number(pods);
const POLICIES = Number(policies);
const CHANGES = Number(changes);
const NAMESPACES = 100;
const APPS = 10;
const LOCAL = 100;
const NODE = 'node-0';
const OBJECTS = new URL('../build/bpf', import.meta.url).pathname;
const GOALS = { coldMs: 2000, rssMb: 250, changeMs: 50 };

function namespaceOf(i: number): string {
  return `ns-${i % NAMESPACES}`;
}

function ipsOf(i: number): readonly string[] {
  return [`10.244.${i >> 8}.${i & 255}`, `fd00:244::${(i + 1).toString(16)}`];
}

/** Pods of all namespaces and workloads on each node. */
function aPod(i: number, round = 0): unknown {
  const app = `app-${(i + Math.floor(i / NAMESPACES)) % APPS}`;
  return {
    metadata: {
      namespace: namespaceOf(i),
      name: `p${i}`,
      uid: `u${i}-${round}`,
      labels: { app, tier: i % 2 === 0 ? 'front' : 'back', 'pod-template-hash': `${i % 7}` },
    },
    spec: {
      nodeName: `node-${Math.floor(i / LOCAL)}`,
      containers: [{ name: 'it', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: { phase: 'Running', podIPs: ipsOf(i).map((ip) => ({ ip })) },
  };
}

/** Egress of every pod: names and pods alone. */
const NAMES = {
  metadata: { name: 'names' },
  spec: {
    tier: 'Admin',
    priority: 1,
    subject: { namespaces: {} },
    egress: [
      { action: 'Accept', to: [{ domainNames: ['*.example.com', 'www.example.com'] }] },
      { action: 'Pass', to: [{ namespaces: {} }] },
      { action: 'Deny', to: [{ networks: ['0.0.0.0/0', '::/0'] }] },
    ],
  },
};

/** The first of a namespace denies all, the others each let one workload reach another, here or in the next namespace. */
function aPolicy(i: number, round = 0): unknown {
  const namespace = namespaceOf(i);
  const at = Math.floor(i / NAMESPACES);
  const metadata = { namespace, name: `policy-${at}` };
  if (at === 0) return { metadata, spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } };
  const app = { matchLabels: { app: `app-${at % APPS}` } };
  const from = { matchLabels: { app: `app-${(at + 1) % APPS}` } };
  const elsewhere = { matchLabels: { 'kubernetes.io/metadata.name': namespaceOf(i + 1) } };
  const ports = [{ port: 'http' }, { port: 9000 + (round % 7), endPort: 9100 }];
  return {
    metadata,
    spec: {
      podSelector: app,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ podSelector: from }, { namespaceSelector: elsewhere, podSelector: from }], ports },
      ],
      egress: [
        { to: [{ podSelector: from }], ports },
        { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }] },
        { to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', `172.${16 + (at % 8)}.0.0/16`] } }] },
      ],
    },
  };
}

function identities(): ReadonlyMap<string, ReturnType<typeof parseIdentity>> {
  const known = new Map<string, unknown>();
  for (let i = 0; i < PODS; i++) {
    const { metadata } = aPod(i) as {
      metadata: { namespace: string; labels: { app: string; tier: string } };
    };
    const { app, tier } = metadata.labels;
    const key = `${metadata.namespace} ${app} ${tier}`;
    if (known.has(key)) continue;
    const spec = { namespace: metadata.namespace, labels: { app, tier } };
    known.set(key, { metadata: { name: String(256 + known.size) }, spec });
  }
  return new Map([...known.values()].map(parseIdentity).map((it) => [it.name, it]));
}

function keyed<T extends { readonly namespace: string; readonly name: string }>(
  all: readonly T[],
): ReadonlyMap<string, T> {
  return new Map(all.map((it) => [it.namespace === '' ? it.name : `${it.namespace}/${it.name}`, it]));
}

function choiceOf(role: string, name: string): BackendChoice {
  const choice = new BackendChoice({ role, known: [name], fallback: name, support: () => ({ kind: 'yes' }) });
  choice.want(undefined);
  return choice;
}

function print(row: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** Links that are in the programs' map alone: nothing is sent. */
function localLinks(): readonly PodLink[] {
  return Array.from({ length: LOCAL }, (_, i) => ({
    ifindex: 1000 + i,
    ips: ipsOf(i).map((ip) => parseIp(ip)),
    pod: { key: `${namespaceOf(i)}/p${i}`, uid: '' },
  }));
}

async function run(name: string): Promise<void> {
  const backend = POLICY_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) throw new Error(`no policy backend ${name}`);
  const lifetime = new Lifetime('bench');
  const { pinDir, nodeNetns: netns } = buildServiceWorld([], lifetime);
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns }, lifetime);
  const links = localLinks();
  for (const { ifindex, ips } of links)
    bpf.maps.podInterfaces.update({ ifindex }, { mac: macFromSeed(`${ifindex}`), ips, ...CLOSED_STANDING });
  lifetime.defer('links', () => bpf.maps.podInterfaces.deleteAll(links.map(({ ifindex }) => ({ ifindex }))));
  let wake = (): void => undefined;
  const engine = new Engine<AgentView>({
    parts: [
      ...backend.open<AgentView>({ maps: bpf.maps, netns, lifetime }),
      podStandingPart<AgentView>(bpf.maps),
    ],
    clock: systemClock,
    random: Math.random,
    timing: { quietMs: 0 },
    merge: mergeViews,
    report: (event) => {
      if (event.kind === 'failed')
        process.stderr.write(`${event.target} ${event.key}: ${String(event.error)}\n`);
      if (event.kind === 'passed' && event.isConverged) wake();
    },
  });
  const store = new Store();
  const choices = { services: choiceOf('Service', 'ebpf'), policies: choiceOf('policy', name) };
  const names = new Map<Ip, ReadonlySet<string>>();
  let changed = new Set<Ip>();
  const takeChanged = (): ReadonlySet<Ip> => {
    const taken = changed;
    changed = new Set();
    return taken;
  };
  const learned = { names, takeChanged };
  const compiler = new ViewCompiler(
    benchConfig({
      nodeName: NODE,
      service: 'ebpf',
      podCidrs: ['10.244.0.0/16', 'fd00:244::/48'],
      dnsIps: ['10.96.0.10'],
    }),
    { choices, links: () => links, learned, hostSearches: () => [], onProblem: () => undefined },
  );
  let revision = 0;
  let compileMs = 0;
  const submit = (batch: Parameters<ViewCompiler['compile']>[2]): void => {
    const atMs = performance.now();
    const view = compiler.compile(store.live(), undefined, batch);
    compileMs = performance.now() - atMs;
    engine.submit(view, ++revision);
  };
  const running = engine.run(lifetime.signal);
  lifetime.defer('engine', () => running);
  const converged = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const objects = {
    pods: keyed(Array.from({ length: PODS }, (_, i) => parsePod(aPod(i)))),
    policies: keyed(Array.from({ length: POLICIES }, (_, i) => parseNetworkPolicy(aPolicy(i)))),
    identities: identities(),
    namespaces: keyed(
      Array.from({ length: NAMESPACES }, (_, i) => parseNamespace({ metadata: { name: `ns-${i}` } })),
    ),
  };
  const node = parseNode({ metadata: { name: NODE }, spec: { podCIDRs: ['10.244.0.0/24'] } });
  const startMs = performance.now();
  store.table(NODE_KIND).replace(new Map([[NODE, node]]));
  for (const kind of [SERVICE_KIND, ENDPOINT_SLICE_KIND, CLUSTER_NETWORK_POLICY_KIND, SETTINGS_KIND])
    store.table(kind as typeof SERVICE_KIND).replace(new Map());
  store.table(POD_KIND).replace(objects.pods);
  store.table(NAMESPACE_KIND).replace(objects.namespaces);
  store.table(NETWORK_POLICY_KIND).replace(objects.policies);
  store.table(IDENTITY_KIND).replace(objects.identities);
  const whole = converged();
  submit(undefined);
  const coldCompileMs = compileMs;
  await whole;
  const cluster = { name, pods: PODS, policies: POLICIES, identities: objects.identities.size, local: LOCAL };
  const coldMs = performance.now() - startMs;
  print({
    what: 'cold',
    ...cluster,
    compileMs: coldCompileMs,
    coldMs,
    goalMs: GOALS.coldMs,
    ...memoryMb(),
    goalRssMb: GOALS.rssMb,
  });
  const lags = async (
    change: (round: number) => ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<object> => {
    const all: number[] = [];
    const compiles: number[] = [];
    for (let round = 1; round <= CHANGES; round++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const atMs = performance.now();
      const done = converged();
      submit(change(round));
      compiles.push(compileMs);
      await done;
      all.push(performance.now() - atMs);
    }
    return {
      p50Ms: quantile(all, 0.5),
      p99Ms: quantile(all, 0.99),
      maxMs: Math.max(...all),
      compileP50Ms: quantile(compiles, 0.5),
    };
  };
  const policyLags = await lags((round) => {
    const policy = parseNetworkPolicy(aPolicy(NAMESPACES + ((round * 37) % (POLICIES - NAMESPACES)), round));
    const key = `${policy.namespace}/${policy.name}`;
    store.table(NETWORK_POLICY_KIND).put(key, policy);
    return new Map([[NETWORK_POLICY_KIND.name, new Set([key])]]);
  });
  print({ what: 'one policy change', ...cluster, ...policyLags, goalP99Ms: GOALS.changeMs });
  const podLags = await lags((round) => {
    const pod = parsePod({
      ...(aPod(LOCAL + ((round * 37) % (PODS - LOCAL)), round) as object),
      kind: 'Pod',
    });
    const key = `${pod.namespace}/${pod.name}`;
    store.table(POD_KIND).put(key, pod);
    return new Map([[POD_KIND.name, new Set([key])]]);
  });
  print({ what: 'one pod of another node', ...cluster, ...podLags });
  const done = converged();
  store.table(CLUSTER_NETWORK_POLICY_KIND).put('names', parseClusterNetworkPolicy(NAMES));
  submit(new Map([[CLUSTER_NETWORK_POLICY_KIND.name, new Set(['names'])]]));
  await done;
  const nameLags = await lags((round) => {
    const ip = parseIp(`203.0.${round >> 8}.${round & 255}`);
    names.set(ip, new Set([`h${round}.example.com`]));
    changed.add(ip);
    return new Map();
  });
  print({ what: 'one address of a name', ...cluster, ...nameLags });
  print({ what: 'after changes', ...cluster, ...memoryMb() });
  await lifetime.close();
}

for (const name of names === '' ? POLICY_BACKENDS.map((it) => it.name) : names.split(',')) await run(name);
