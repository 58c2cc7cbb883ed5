// A node in a namespace of its own with everything an agent needs, and the agent as a process in it.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AgentConfigFile } from '../../src/agent/config.ts';
import type { AgentStatus } from '../../src/agent/status.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { createCgroup, findCgroupMount, removeCgroup } from '../../src/sys/cgroup.ts';
import { systemClock } from '../../src/base/clock.ts';
import { mountBpf, unmount } from '../../src/sys/mount.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import { scaledMs } from './time-scale.ts';

const RUNNER = new URL('run-agent.ts', import.meta.url).pathname;
const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
/** As bin/fairlead starts it. */
const CACHE = new URL('../../build/compile-cache', import.meta.url).pathname;
const ENV = { NODE_COMPILE_CACHE: CACHE, ...process.env };

export interface AgentProcess {
  readonly pid: number;
  log(): string;
  /** Ends it and resolves with its exit code, or null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface AgentNode {
  readonly name: string;
  readonly netns: string;
  readonly folder: string;
  readonly cgroup: string;
  readonly config: AgentConfigFile;
  start(): AgentProcess;
  /** One GET on the agent's socket. */
  ask(where: string): Promise<{ readonly code: number; readonly body: string }>;
  status(): Promise<AgentStatus>;
  /** Runs a program in the node's namespace; throws where it fails. */
  run(program: string, ...args: string[]): string;
}

export interface AgentNodeOptions {
  /** Names of everything made on the machine start with it. */
  readonly prefix: string;
  readonly name: string;
  readonly config?: Partial<AgentConfigFile>;
}

/** Makes the node: namespace with `eth0`, bpffs, cgroup, folders. `kubeconfigFor` gets the namespace and returns a kubeconfig for use in it. */
export async function makeAgentNode(
  options: AgentNodeOptions,
  kubeconfigFor: (netns: string) => Promise<string>,
  lifetime: Lifetime,
): Promise<AgentNode> {
  const { prefix, name } = options;
  const folder = mkdtempSync(path.join(tmpdir(), `${prefix}-`));
  lifetime.defer('folder', () => rmSync(folder, { recursive: true }));
  const netns = `/run/netns/${prefix}-${name}`;
  createNetns(netns);
  lifetime.defer('namespace', () => deleteNetns(netns));
  await plugIn(netns);
  const bpffs = `${folder}/bpf`;
  mkdirSync(bpffs);
  mountBpf(bpffs);
  lifetime.defer('bpffs', () => unmount(bpffs));
  const cgroup = `${findCgroupMount() ?? '/sys/fs/cgroup'}/${prefix}-${name}`;
  createCgroup(cgroup);
  lifetime.defer('cgroup', () => removeCgroup(cgroup, { clock: systemClock, timeoutMs: scaledMs(5_000) }));
  const config: AgentConfigFile = {
    nodeName: name,
    kubeconfig: await kubeconfigFor(netns),
    runDir: `${folder}/run`,
    stateDir: `${folder}/state`,
    pinDir: `${bpffs}/${name}`,
    cgroupPath: cgroup,
    objectDir: OBJECTS,
    cniSocket: `${folder}/run/cni.sock`,
    dnsSocket: undefined,
    agentSocket: `${folder}/run/agent.sock`,
    clusterDomain: 'cluster.local',
    podCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
    serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    dnsIps: ['10.96.0.10', 'fd00:10:96::a'],
    logLevel: 'debug',
    ...options.config,
  };
  return agentNode({ name, netns, folder, cgroup, config }, lifetime);
}

type NodeFacts = Pick<AgentNode, 'name' | 'netns' | 'folder' | 'cgroup' | 'config'>;

function agentNode(facts: NodeFacts, lifetime: Lifetime): AgentNode {
  const { netns, folder, config } = facts;
  const ask = (where: string): ReturnType<AgentNode['ask']> => get(config.agentSocket, where);
  return {
    ...facts,
    ask,
    status: async () => JSON.parse((await ask('/status')).body) as AgentStatus,
    run: (program, ...args) => {
      const result = inNetns(netns, () => spawnSync(program, args, { encoding: 'utf8' }));
      if (result.status === 0) return result.stdout;
      throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
    },
    start: () => {
      const file = `${folder}/agent.json`;
      writeFileSync(file, JSON.stringify(config));
      const launch = (): ChildProcess =>
        spawn(process.execPath, [RUNNER, file], { stdio: ['ignore', 'ignore', 'pipe'], env: ENV });
      const agent = agentProcess(inNetns(netns, launch));
      lifetime.defer('agent', async () => void (await agent.end('SIGKILL')));
      return agent;
    },
  };
}

function agentProcess(child: ChildProcess): AgentProcess {
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    pid: child.pid ?? 0,
    log: () => log,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Both ends of a veth in the namespace: `eth0` is up and has a carrier without anybody outside. */
async function plugIn(netns: string): Promise<void> {
  const netlink = openNetlink(netns);
  try {
    await netlink.apply([
      { kind: 'set-link', name: 'lo', isUp: true },
      { kind: 'add-veth', name: 'eth0', mtuBytes: 1500, isUp: true, peer: { name: 'wire' } },
      { kind: 'set-link', name: 'wire', isUp: true },
      { kind: 'add-address', link: 'eth0', ip: parseIp('10.89.1.11'), prefixLength: 24 },
      { kind: 'add-address', link: 'eth0', ip: parseIp('fd00:10:89:1::b'), prefixLength: 64 },
    ]);
  } finally {
    netlink.close();
  }
}

function get(socketPath: string, where: string): Promise<{ code: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: where, timeout: scaledMs(5_000), agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    call.on('error', reject).on('timeout', () => call.destroy(new Error(`no answer to ${where}`)));
    call.end();
  });
}
