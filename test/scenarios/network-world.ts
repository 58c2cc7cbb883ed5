// The one cluster of the network scenarios: raised as a user raises it, with probers where questions come from.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nodePaths, pathRoots, podNetns, type PathRoots } from '../../src/base/paths.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { fairlead, kubectl } from '../support/cluster.ts';
import { Prober } from './prober-client.ts';

const CLONE = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** The C library of nodes and pods alike: what a process outside of the pod sees of files is the host's. */
const PROBER = [`${CLONE}/node_modules/node/bin/node`, `${CLONE}/test/scenarios/prober.ts`];
export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];

export interface Pod {
  readonly name: string;
  readonly node: string;
  readonly uid: string;
  readonly ips: Readonly<Record<Family, string>>;
  readonly netns: string;
}

/** A pod that asks. */
export interface Probe extends Pod {
  readonly prober: Prober;
}

export interface Node {
  readonly name: string;
  readonly ips: Readonly<Record<Family, string>>;
  readonly netns: string;
  readonly cgroup: string;
  readonly agentSocket: string;
}

/** Things that the API answers with, as far as scenarios look at them. */
interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: { readonly nodeName?: string; readonly clusterIPs?: readonly string[] };
    readonly status: {
      readonly podIPs?: readonly { readonly ip: string }[];
      readonly addresses?: readonly { readonly address: string }[];
    };
  }[];
}

export class World {
  readonly cluster: string;
  readonly #roots: PathRoots;
  readonly #lifetime = new Lifetime('network scenarios');
  readonly #isBorrowed: boolean;
  #services: ReadonlyMap<string, Readonly<Record<Family, string>>> = new Map();
  /** One per node, in the order of the nodes. */
  probes: readonly Probe[] = [];
  peers: readonly Pod[] = [];
  nodes: readonly Node[] = [];
  /** A process of each node, in the order of the nodes; it serves on port 7002. */
  onNodes: readonly Prober[] = [];
  /** In the network of the first probe's pod, yet outside of every cgroup of the cluster: its sockets are translated by nobody, its packets are. */
  #raw: Prober | undefined;
  #hostNetworkPod: Prober | undefined;

  private constructor(cluster: string, roots: PathRoots, isBorrowed: boolean) {
    this.cluster = cluster;
    this.#roots = roots;
    this.#isBorrowed = isBorrowed;
  }

  /** Raises the cluster; `FAIRLEAD_SCENARIO_CLUSTER` names one that stands already, for work on the scenarios themselves. */
  static async raise(name: string): Promise<World> {
    const standing = process.env['FAIRLEAD_SCENARIO_CLUSTER'];
    const world = new World(standing ?? name, pathRoots(findCgroupMount() ?? ''), standing !== undefined);
    try {
      if (standing === undefined) {
        const result = fairlead(['up', '--name', name, '-f', '-', '--no-check'], manifest('network.yaml'));
        assert.equal(result.code, 0, result.stderr + result.stdout);
      }
      world.apply('never-ready.yaml');
      await world.#open();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#lifetime.close();
    if (this.#isBorrowed) return;
    const result = fairlead(['down', '--name', this.cluster]);
    assert.equal(result.code, 0, result.stderr);
  }

  kubectl(...args: readonly string[]): string {
    return kubectl(this.cluster, args);
  }

  /** Objects of a file of this folder, or of the text itself. */
  apply(file: string): void {
    const input = file.endsWith('.yaml') ? manifest(file) : file;
    kubectl(this.cluster, ['apply', '-f', '-'], { input });
  }

  pods(selector: string): readonly Pod[] {
    return this.#list('pods', '-n', 'net', '-l', selector)
      .map((it) => ({
        name: it.metadata.name,
        node: it.spec.nodeName ?? '',
        uid: it.metadata.uid,
        ips: byFamily((it.status.podIPs ?? []).map(({ ip }) => ip)),
        netns: podNetns(this.#roots, this.cluster, it.metadata.uid),
      }))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** The addresses of a Service of the manifests. */
  service(name: string): Readonly<Record<Family, string>> {
    const found = this.#services.get(name);
    assert.ok(found, name);
    return found;
  }

  get raw(): Prober {
    assert.ok(this.#raw);
    return this.#raw;
  }

  get hostNetworkPod(): Prober {
    assert.ok(this.#hostNetworkPod);
    return this.#hostNetworkPod;
  }

  /** The first probe, which is on the first node. */
  get first(): Probe {
    const [first] = this.probes;
    assert.ok(first);
    return first;
  }

  /** A pod that is not on the first probe's node. */
  get far(): Pod {
    const far = this.peers.find((it) => it.node !== this.first.node);
    assert.ok(far);
    return far;
  }

  /** The cluster link of the machine itself: what stands outside of the cluster, yet in reach. */
  get outside(): Readonly<Record<Family, string>> {
    const file = JSON.parse(readFileSync(`/var/lib/fairlead/${this.cluster}/cluster.json`, 'utf8')) as {
      readonly hostIps: readonly string[];
    };
    return byFamily(file.hostIps);
  }

  /** A prober as a process in `netns`, outside of every cgroup of the cluster unless `cgroup` is given. */
  async prober(
    name: string,
    netns: string,
    of: { readonly cgroup?: string; readonly port?: number } = {},
  ): Promise<Prober> {
    const { cgroup, port = 0 } = of;
    const enter = ['nsenter', `--net=${netns}`, ...PROBER, name, String(port)];
    const join = ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup ?? '', ...enter];
    const [program = '', ...args] = cgroup === undefined ? enter : join;
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    this.#lifetime.defer(`prober ${name}`, () => ended(child));
    return this.#connect(netns, name);
  }

  /** The prober of a pod that is one. */
  podProber(pod: Pod): Promise<Prober> {
    return this.#connect(pod.netns, pod.name);
  }

  async #connect(netns: string, name: string): Promise<Prober> {
    const prober = await Prober.connect(netns, name);
    this.#lifetime.defer(`connection to ${name}`, () => prober.close());
    return prober;
  }

  async #open(): Promise<void> {
    this.nodes = this.#list('nodes').map((it) => {
      const { netns, cgroup, agentSocket } = nodePaths(this.#roots, this.cluster, it.metadata.name);
      const ips = byFamily((it.status.addresses ?? []).map(({ address }) => address));
      return { name: it.metadata.name, ips, netns, cgroup, agentSocket };
    });
    this.#services = new Map(
      this.#list('services', '-n', 'net').map((it) => [it.metadata.name, byFamily(it.spec.clusterIPs ?? [])]),
    );
    this.peers = this.pods('app=peer');
    this.probes = await Promise.all(
      this.pods('app=probe').map(async (pod) => ({ ...pod, prober: await this.podProber(pod) })),
    );
    this.#hostNetworkPod = await this.#connect(this.nodes[1]?.netns ?? '', 'on-node');
    [this.#raw, ...this.onNodes] = await Promise.all([
      this.prober('raw', this.first.netns),
      ...this.nodes.map(({ name, netns, cgroup }) =>
        this.prober(`on-${name}`, netns, { cgroup: `${cgroup}/system`, port: 7002 }),
      ),
    ]);
  }

  #list(...what: readonly string[]): Listed['items'] {
    return (JSON.parse(this.kubectl('get', ...what, '-o', 'json')) as Listed).items;
  }
}

/** A file of this folder with the clone's place filled in. */
function manifest(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8').replaceAll('CLONE', CLONE);
}

function byFamily(ips: readonly string[]): Readonly<Record<Family, string>> {
  return {
    4: ips.find((ip) => /^[\d.]+$/.test(ip)) ?? '',
    6: ips.find((ip) => ip.includes(':')) ?? '',
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await end;
}
