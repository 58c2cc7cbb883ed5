// Puts the kubelet part together: nodes, runners, sandboxes, pods, and the loops that feed them. `ClusterApi` is handed in, so
// that tests drive pods without an API server.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { FairleadError } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { clusterPaths } from '../../base/paths.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { writeSysctls } from '../../sys/sysctl.ts';
import { ControlClient } from '../workload/control-client.ts';
import { writeAgnhostScript } from './agnhost-bind.ts';
import { AttachmentGarbage } from './attachment-garbage.ts';
import { CniRuntime } from './cni-runtime.ts';
import type { ClusterApi } from './cluster-api.ts';
import { ExecSandboxes } from './exec-sandboxes.ts';
import { ExitWatch } from './exit-watch.ts';
import { Gate } from './gate.ts';
import type { KubeletConfig, KubeletNode } from './kubelet-config.ts';
import { serveKubelet } from './kubelet-server.ts';
import { Launcher } from './launcher.ts';
import { nodeCapacity } from './node-keeper.ts';
import { NodeFolders } from './pod-folders.ts';
import type { PodRecord } from './pod-record.ts';
import { PodSet } from './pod-set.ts';
import type { PodWorld, WorldNode } from './pod-world.ts';
import { ProcessRunner } from './process-runner.ts';
import { runnerOf } from './program-of.ts';
import { loadRecords, saveRecord } from './record-store.ts';
import { Sandboxes } from './sandbox.ts';
import { lastWords } from './termination-log.ts';
import { WorkloadRunner } from './workload-runner.ts';

/** Sandboxes made at once, and containers started at once: enough to keep two cores busy while plugins wait. */
const PARALLEL = 16;

export interface KubeletDoors {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (message: string) => void;
}

export interface Kubelet {
  readonly pods: PodSet;
  /** Whether the node's workload process answers. */
  isNodeReady(node: string): boolean;
}

/** Adopts what an earlier process left, serves the socket and watches for exits until the lifetime ends. */
export async function startKubelet(
  config: KubeletConfig,
  doors: KubeletDoors,
  lifetime: Lifetime,
): Promise<Kubelet> {
  const nodes = new Map<string, NodeDoors>();
  for (const node of config.nodes) nodes.set(node.name, await nodeDoors({ config, doors, lifetime }, node));
  const world = makeWorld(config, doors, nodes);
  const records = [...nodes.values()].flatMap((it) => it.records);
  const pods = new PodSet(world, records);
  const socket = clusterPaths(config.roots, config.cluster).kubeletSocket;
  await mkdir(path.dirname(socket), { recursive: true });
  await serveKubelet(socket, world, pods, lifetime);
  const watches = new Map<string, ExitWatch>();
  const loops: Promise<void>[] = [];
  for (const [node, { folders, client, garbage }] of nodes) {
    loops.push(garbage.run());
    const exits = new ExitWatch({ node, folders, client, pods, clock: doors.clock, log: doors.log });
    watches.set(node, exits);
    loops.push(exits.run(lifetime.signal));
  }
  lifetime.defer('pods', async () => {
    await pods.close();
    await Promise.all(loops);
  });
  return { pods, isNodeReady: (node) => watches.get(node)?.isConnected ?? false };
}

interface NodeDoors {
  readonly node: KubeletNode;
  readonly folders: NodeFolders;
  readonly client: ControlClient;
  readonly cni: CniRuntime;
  /** What an earlier process left. */
  readonly records: readonly PodRecord[];
  readonly garbage: AttachmentGarbage;
}

interface Surroundings {
  readonly config: KubeletConfig;
  readonly doors: KubeletDoors;
  readonly lifetime: Lifetime;
}

async function nodeDoors({ config, doors, lifetime }: Surroundings, node: KubeletNode): Promise<NodeDoors> {
  const { clock, log } = doors;
  const folders = new NodeFolders(config.roots, config.cluster, node.name);
  await mkdir(folders.pods, { recursive: true });
  await writeAgnhostScript(folders.agnhost);
  const records = await loadRecords(folders, log);
  const client = lifetime.own('workload client', new ControlClient(folders.workloadSocket), (it) =>
    it.close(),
  );
  const cni = new CniRuntime({
    config: node.cniConfig,
    programs: new Map([['fairlead', config.cniProgram]]),
    path: [path.dirname(config.cniProgram), ...config.cniPath],
    hostNetns: folders.netns,
  });
  const { signal } = lifetime;
  const garbage = new AttachmentGarbage({ node: node.name, cni, records, clock, log, signal });
  return { node, folders, client, cni, records, garbage };
}

function makeWorld(
  config: KubeletConfig,
  doors: KubeletDoors,
  nodes: ReadonlyMap<string, NodeDoors>,
): PodWorld {
  const of = (name: string): NodeDoors => {
    const found = nodes.get(name);
    if (found === undefined) throw new FairleadError('not-found', `Cannot run pod: no node ${name} here`);
    return found;
  };
  const capacity = nodeCapacity(config.podCapacity);
  const paths = clusterPaths(config.roots, config.cluster);
  const launcher = new Launcher(config.runProgram);
  // Keys of the cluster and people's homes are no business of pods.
  const around = { masks: [paths.state, '/root', '/home'] };
  const runners = {
    process: new ProcessRunner(launcher, (name) => of(name).folders, around),
    workload: new WorkloadRunner((name) => of(name).client, doors.clock),
  };
  const worldNode = (name: string): WorldNode => {
    const { node, folders, client } = of(name);
    return { folders, ips: node.ips, capacity, probe: (request, signal) => client.probe(request, signal) };
  };
  const world: PodWorld = {
    ...doors,
    node: worldNode,
    runner: (kind) => runners[kind],
    runnerOf,
    sandboxGate: new Gate(PARALLEL),
    startGate: new Gate(PARALLEL),
    sandboxes: new Sandboxes({
      node: (name) => ({ ...of(name), ips: of(name).node.ips }),
      raiseLoopback,
      writeSysctls,
      clusterDomain: config.clusterDomain,
      dnsIps: config.dnsIps,
      clock: doors.clock,
    }),
    execSandboxes: new ExecSandboxes(launcher, around, () => world),
    save: (record) => saveRecord(of(record.node).folders, record),
    lastWords: (record, container) =>
      lastWords(
        of(record.node).folders.container(record, container, record.containers[container]?.attempt ?? 0),
      ),
  };
  return world;
}

async function raiseLoopback(netns: string): Promise<void> {
  const netlink = openNetlink(netns);
  try {
    await netlink.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
  } finally {
    netlink.close();
  }
}
