// `fairlead set KEY=VALUE`: changes a setting of a running cluster and returns when every node lives by it.

import { FairleadError } from '../base/errors.ts';
import { checkProxy, untilCarried, type Draining } from '../lab/cluster/proxy.ts';
import { checkPair } from '../lab/cluster/pairs.ts';
import { checkPolicyBackend, untilKept } from '../lab/cluster/policy.ts';
import { checkXdp, untilXdpIs, writeSettings } from '../lab/cluster/settings.ts';
import type { XdpMode } from '../objects/cluster-settings.ts';
import { withCluster } from './cluster-client.ts';
import { printForMachine } from './output.ts';

const KEYS = ['proxy', 'policy', 'xdp'] as const;

interface SetFlags {
  readonly name: string;
  readonly timeout: number;
  readonly output?: string;
  readonly quiet?: boolean;
}

export async function setCommand(setting: string, flags: SetFlags): Promise<void> {
  const { key, value } = readSetting(setting);
  if (key === 'proxy') await setProxy(value, flags);
  else if (key === 'policy') await setPolicy(value, flags);
  else await setXdp(checkXdp(value), flags);
}

async function setPolicy(policy: string, flags: SetFlags): Promise<void> {
  const startedMs = performance.now();
  const report = await withCluster(flags, 'set', async ({ client, wait, progress }) => {
    progress.step(`ask the kernel for ${policy}`);
    await checkPolicyBackend(policy);
    await checkPair({ policy }, wait);
    progress.step(`keep policies by ${policy}`);
    await writeSettings(client, { policy }, wait.signal);
    await untilKept(policy, wait);
    return { policy, nodes: wait.cluster.nodes.map((it) => it.name) };
  });
  if (printForMachine(report, flags.output)) return;
  process.stdout.write(`Policies are kept by ${policy} on ${doneText(report.nodes.length, startedMs)}\n`);
}

async function setProxy(proxy: string, flags: SetFlags): Promise<void> {
  const startedMs = performance.now();
  const report = await withCluster(flags, 'set', async ({ client, wait, progress }) => {
    progress.step(`ask the kernel for ${proxy}`);
    await checkProxy(proxy);
    await checkPair({ proxy }, wait);
    progress.step(`carry Services by ${proxy}`);
    await writeSettings(client, { proxy }, wait.signal);
    const draining = await untilCarried(proxy, wait);
    return { proxy, nodes: wait.cluster.nodes.map((it) => it.name), draining };
  });
  if (printForMachine(report, flags.output)) return;
  process.stdout.write(`Services are carried by ${proxy} on ${doneText(report.nodes.length, startedMs)}\n`);
  process.stdout.write(drainingText(report.draining));
}

async function setXdp(xdp: XdpMode, flags: SetFlags): Promise<void> {
  const startedMs = performance.now();
  const report = await withCluster(flags, 'set', async ({ client, wait, progress }) => {
    progress.step(`have XDP ${xdp}`);
    await writeSettings(client, { xdp }, wait.signal);
    const carriers = await untilXdpIs(xdp, wait);
    return { xdp, nodes: [...carriers].map(([name, carrier]) => ({ name, carrier })) };
  });
  if (printForMachine(report, flags.output)) return;
  process.stdout.write(`XDP is ${xdp} on ${doneText(report.nodes.length, startedMs)}\n`);
  const idle = report.nodes.filter(({ carrier }) => carrier !== 'ebpf');
  if (xdp !== 'native' || idle.length === 0) return;
  const names = idle.map(({ name, carrier }) => `${name} (${carrier ?? 'nothing'})`).join(', ');
  process.stdout.write(`It waits for proxy=ebpf where something else carries Services: ${names}.\n`);
}

/** "2 nodes (0.4 s)." */
function doneText(nodes: number, startedMs: number): string {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  return `${nodes} ${nodes === 1 ? 'node' : 'nodes'} (${seconds} s).`;
}

function readSetting(setting: string): { readonly key: (typeof KEYS)[number]; readonly value: string } {
  const [word, value, ...rest] = setting.split('=');
  const key = KEYS.find((it) => it === word);
  if (key !== undefined && value !== undefined && value !== '' && rest.length === 0) return { key, value };
  throw new FairleadError(
    'invalid',
    `Cannot set "${setting}": write proxy=<backend>, as in proxy=nftables, policy=<backend>, or xdp=native`,
  );
}

function drainingText(draining: readonly Draining[]): string {
  if (draining.length === 0) return 'Nothing of another backend is left.\n';
  const lines = draining.map((it) => `  ${it.node}: ${it.target}: ${it.why}\n`);
  return `Flows of before go on by the backend that they began with; it goes with the last of them:\n${lines.join('')}`;
}
