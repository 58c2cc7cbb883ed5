// A node for tests of the pod runtime: real namespaces, cgroups and processes below a prefix of its own, a CNI plugin of veth
// pairs, the workload process as a child, and an API in memory. `close` removes all of it and reports what was left behind.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { nodePaths, podNetns, type PathRoots } from '../../src/base/paths.ts';
import type { ClusterApi, PodEvent } from '../../src/lab/kubelet/cluster-api.ts';
import { startKubelet, type Kubelet } from '../../src/lab/kubelet/kubelet.ts';
import type { ConfigMap, Pod, PodSpec, PodStatus, Secret, Service } from '../../src/objects/api-types.ts';
import { findCgroupMount, removeCgroup } from '../../src/sys/cgroup.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import { scaledMs } from './time-scale.ts';
import { ownName } from './own-name.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const NODE = `${ROOT}node_modules/node/bin/node`;
const CLUSTER = ownName('lab');
const NODE_NAME = 'n1';

/** The API as the kubelet part sees it, in memory. */
export class MemoryApi implements ClusterApi {
  readonly pods = new Map<string, Pod>();
  readonly events: (PodEvent & { readonly pod: string })[] = [];
  readonly statuses: { readonly pod: string; readonly status: PodStatus }[] = [];
  readonly configMaps = new Map<string, ConfigMap>();
  readonly secrets = new Map<string, Secret>();
  serviceList: readonly Service[] = [];
  onRemove: (uid: string) => void = () => undefined;
  readonly #tokens = new Map<string, number>();
  #serial = 0;

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.configMaps.get(`${namespace}/${name}`);
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.secrets.get(`${namespace}/${name}`);
  }

  services(): readonly Service[] {
    return this.serviceList;
  }

  serviceAccountToken(pod: Pod): Promise<{ token: string; expiresAtMs: number }> {
    this.#tokens.set(pod.metadata.uid, this.tokensOf(pod.metadata.uid) + 1);
    return Promise.resolve({ token: `token-of-${pod.metadata.name}`, expiresAtMs: Date.now() + 3_600_000 });
  }

  /** How many tokens the pod was given. */
  tokensOf(uid: string): number {
    return this.#tokens.get(uid) ?? 0;
  }

  writeStatus(pod: Pod, status: PodStatus): Promise<void> {
    const present = this.pods.get(pod.metadata.uid);
    if (present !== undefined) this.pods.set(pod.metadata.uid, { ...present, status });
    this.statuses.push({ pod: pod.metadata.name, status });
    return Promise.resolve();
  }

  removePod(pod: Pod): Promise<boolean> {
    const wasThere = this.pods.delete(pod.metadata.uid);
    this.onRemove(pod.metadata.uid);
    return Promise.resolve(wasThere);
  }

  event(pod: Pod, event: PodEvent): void {
    this.events.push({ ...event, pod: pod.metadata.name });
  }

  newUid(): string {
    return `00000000-0000-4000-8000-${String(++this.#serial).padStart(12, '0')}`;
  }

  status(name: string): PodStatus | undefined {
    return [...this.pods.values()].find((it) => it.metadata.name === name)?.status;
  }
}

export interface PodOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export class KubeletBed {
  readonly api = new MemoryApi();
  readonly folder: string;
  readonly roots: PathRoots;
  readonly #before = leftovers();
  #lifetime = new Lifetime('kubelet of the test');
  #workload: ChildProcess | undefined;
  #kubelet: Kubelet | undefined;

  private constructor() {
    const unified = findCgroupMount();
    if (unified === undefined) throw new Error('no cgroup v2 here');
    this.folder = mkdtempSync(`/tmp/${CLUSTER}-`);
    this.roots = {
      run: `${this.folder}/run`,
      state: `${this.folder}/state`,
      cgroup: `${unified}/${CLUSTER}`,
      netns: '/run/netns',
    };
  }

  static async open(): Promise<KubeletBed> {
    const bed = new KubeletBed();
    const { netns, run } = bed.#paths;
    mkdirSync(run, { recursive: true });
    createNetns(netns);
    const netlink = openNetlink(netns);
    await netlink.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
    netlink.close();
    inNetns(netns, () => {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
    });
    await bed.startWorkload();
    await bed.startKubelet();
    return bed;
  }

  get workloadPid(): number {
    return this.#workload?.pid ?? 0;
  }

  get kubeletSocket(): string {
    return `${this.roots.run}/${CLUSTER}/kubelet.sock`;
  }

  /** Starts (or starts again) the node's workload process. */
  async startWorkload(): Promise<void> {
    const { workloadSocket, netns } = this.#paths;
    const config = `${this.folder}/workload.json`;
    writeFileSync(config, JSON.stringify({ socket: workloadSocket, node: NODE_NAME }));
    const code = `import { runWorkload } from '${ROOT}src/lab/workload/main.ts';
      const abort = new AbortController();
      process.on('SIGTERM', () => abort.abort());
      await runWorkload('${config}', abort.signal);`;
    this.#workload = inNetns(netns, () =>
      spawn(NODE, ['--expose-gc', '--input-type=module', '-e', code], {
        stdio: ['ignore', 'inherit', 'inherit'],
      }),
    );
    await until('workload process', () => existsSync(workloadSocket));
  }

  async stopWorkload(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#workload;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
    this.#workload = undefined;
  }

  /** Starts the kubelet part; with pods in the API it adopts or starts them. */
  async startKubelet(): Promise<void> {
    this.#lifetime = new Lifetime('kubelet of the test');
    const kubelet = await startKubelet(
      {
        cluster: CLUSTER,
        kubeconfig: '',
        roots: this.roots,
        nodes: [
          {
            name: NODE_NAME,
            ips: [parseIp('192.0.2.1')],
            zone: undefined,
            labels: {},
            cniConfig: {
              cniVersion: '1.1.0',
              name: 'test',
              plugins: [{ type: 'veth-cni', counter: this.counter, prefix: '10.77.1' }],
            },
          },
        ],
        clusterDomain: 'cluster.local',
        dnsIps: [parseIp('10.96.0.10')],
        cniProgram: `${ROOT}test/support/veth-cni`,
        cniPath: [],
        runProgram: `${ROOT}build/native/fairlead-run`,
        podCapacity: 500,
      },
      {
        api: this.api,
        clock: systemClock,
        random: Math.random,
        log: (message) => this.logs.push(message),
      },
      this.#lifetime,
    );
    this.#kubelet = kubelet;
    this.api.onRemove = (uid) => kubelet.pods.delete(uid);
    await until('node', () => kubelet.isNodeReady(NODE_NAME));
    kubelet.pods.replace([...this.api.pods.values()]);
  }

  /** Messages of the kubelet part. */
  readonly logs: string[] = [];

  get counter(): string {
    return `${this.folder}/counter`;
  }

  get kubelet(): Kubelet {
    if (this.#kubelet === undefined) throw new Error('the kubelet part does not run');
    return this.#kubelet;
  }

  /** Ends the kubelet part as its process would: pods run on. */
  async stopKubelet(): Promise<void> {
    await this.#lifetime.close();
    this.#kubelet = undefined;
  }

  /** Creates a pod; resolves at once with its uid. */
  run(name: string, spec: PodSpec, options: PodOptions = {}): string {
    const uid = this.api.newUid();
    this.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        uid,
        resourceVersion: '1',
        creationTimestamp: new Date().toISOString(),
        ...options,
      },
      spec: { nodeName: NODE_NAME, ...spec },
    });
    return uid;
  }

  put(pod: Pod): void {
    this.api.pods.set(pod.metadata.uid, pod);
    this.kubelet.pods.put(pod);
  }

  /** Asks for a deletion as the API server records it. */
  delete(uid: string, graceSeconds = 30): void {
    const pod = this.api.pods.get(uid);
    if (pod === undefined) return;
    const deletionTimestamp = new Date().toISOString();
    this.put({
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds },
    });
  }

  async ready(...names: string[]): Promise<void> {
    for (const name of names) {
      await until(
        `pod ${name} to be ready`,
        () => isReady(this.api.status(name)),
        () => this.#describe(name),
      );
    }
  }

  async gone(...uids: string[]): Promise<void> {
    for (const uid of uids) {
      await until(`pod ${uid} to be gone`, () => !this.api.pods.has(uid) && this.#isRemoved(uid));
    }
  }

  /** Open descriptors of the process with the kubelet part (this one) and of the workload process. */
  descriptors(): { readonly kubelet: number; readonly workload: number } {
    const count = (pid: number | string): number => readdirSync(`/proc/${pid}/fd`).length;
    return { kubelet: count('self'), workload: count(this.workloadPid) };
  }

  /** The pod's first address. */
  ip(name: string): string {
    return this.api.status(name)?.podIP ?? '';
  }

  netns(uid: string): string {
    return podNetns(this.roots, CLUSTER, uid);
  }

  /** Runs a program of the host in the node's namespace. */
  onNode(program: string, ...args: string[]): { readonly stdout: string; readonly status: number | null } {
    const result = inNetns(this.#paths.netns, () =>
      spawnSync(program, args, { encoding: 'utf8', timeout: scaledMs(20_000) }),
    );
    return { stdout: result.stdout, status: result.status };
  }

  /** Ends everything; throws naming what is left on the machine. */
  async close(): Promise<void> {
    const uids = [...this.api.pods.keys()];
    for (const uid of uids) this.delete(uid, 0);
    await this.gone(...uids);
    await this.stopKubelet();
    await this.stopWorkload();
    await deleteNetns(this.#paths.netns);
    await removeCgroup(this.roots.cgroup, { clock: systemClock, timeoutMs: scaledMs(5000) });
    rmSync(this.folder, { recursive: true, force: true });
    // A monitor ends a moment after its container.
    const left = (): readonly string[] => leftovers().filter((it) => !this.#before.includes(it));
    await until(
      'nothing to be left behind',
      () => left().length === 0,
      () => left().join(', '),
      3000,
    );
  }

  get #paths(): ReturnType<typeof nodePaths> {
    return nodePaths(this.roots, CLUSTER, NODE_NAME);
  }

  #isRemoved(uid: string): boolean {
    return !this.kubelet.pods.records().some((it) => it.uid === uid);
  }

  #describe(name: string): string {
    return JSON.stringify(
      {
        status: this.api.status(name),
        events: this.api.events.filter((it) => it.pod === name),
        logs: this.logs.slice(-10),
      },
      undefined,
      1,
    );
  }
}

function isReady(status: PodStatus | undefined): boolean {
  return status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True') === true;
}

/** Polls until the condition holds; throws after `timeoutMs` with `describe`'s text. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  describe: () => string = () => '',
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + scaledMs(timeoutMs);
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what} ${describe()}`);
    await delay(20);
  }
}

/** What tests of this bed could leave on the machine: namespaces, mounts, processes, cgroups. */
function leftovers(): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((it) => it.includes(`/tmp/${CLUSTER}-`) || it.includes(`/${CLUSTER}.`));
  const processes = readdirSync('/proc')
    .filter((it) => /^\d+$/.test(it))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(`/tmp/${CLUSTER}-`) ? [`process ${pid} ${command}`] : [];
      } catch {
        return []; // Ended meanwhile.
      }
    });
  const namespaces = readdirSync('/run/netns').filter((it) => it.startsWith(`${CLUSTER}.`));
  return [...mounts, ...processes, ...namespaces];
}
