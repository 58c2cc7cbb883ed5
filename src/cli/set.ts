// `fairlead set KEY=VALUE`: changes a setting of a running cluster and returns when every node lives by it.

import { FairleadError } from '../base/errors.ts';
import { checkProxy, untilCarried, writeProxy, type Draining } from '../lab/cluster/proxy.ts';
import { withCluster } from './cluster-client.ts';
import { printForMachine } from './output.ts';

interface SetFlags {
  readonly name: string;
  readonly timeout: number;
  readonly output?: string;
  readonly quiet?: boolean;
}

export async function setCommand(setting: string, flags: SetFlags): Promise<void> {
  const proxy = readSetting(setting);
  const startedMs = performance.now();
  const report = await withCluster(flags, 'set', async ({ client, wait, progress }) => {
    progress.step(`ask the kernel for ${proxy}`);
    await checkProxy(proxy);
    progress.step(`carry Services by ${proxy}`);
    await writeProxy(client, proxy, wait.signal);
    const draining = await untilCarried(proxy, wait);
    return { proxy, nodes: wait.cluster.nodes.map((it) => it.name), draining };
  });
  if (printForMachine(report, flags.output)) return;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const nodes = `${report.nodes.length} ${report.nodes.length === 1 ? 'node' : 'nodes'}`;
  process.stdout.write(`Services are carried by ${proxy} on ${nodes} (${seconds} s).\n`);
  process.stdout.write(drainingText(report.draining));
}

function readSetting(setting: string): string {
  const [key, value, ...rest] = setting.split('=');
  if (key !== 'proxy' || value === undefined || value === '' || rest.length > 0) {
    throw new FairleadError(
      'invalid',
      `Cannot set "${setting}": write proxy=<backend>, as in proxy=nftables`,
    );
  }
  return value;
}

function drainingText(draining: readonly Draining[]): string {
  if (draining.length === 0) return 'Nothing of another backend is left.\n';
  const lines = draining.map((it) => `  ${it.node}: ${it.target}: ${it.why}\n`);
  return `Flows of before go on by the backend that they began with; it goes with the last of them:\n${lines.join('')}`;
}
