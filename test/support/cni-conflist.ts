// Runs a list of CNI plugins as a container runtime does: one after the other on ADD, each with the result of the one before, and backwards on DEL.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { CNI_EXECUTABLE } from './cni-executable.ts';

/** The reference plugins of the Debian package containernetworking-plugins. */
const REFERENCE_PLUGINS = '/usr/lib/cni';
const PLUGIN_FOLDERS = [REFERENCE_PLUGINS, path.dirname(CNI_EXECUTABLE)];
const OWN_PLUGIN = path.basename(CNI_EXECUTABLE);

/** As in /etc/cni/net.d. */
export interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly { readonly type: string }[];
}

export interface ConflistCall {
  /** Of the node, in which plugins run. */
  readonly nodeNetns: string;
  readonly containerId: string;
  /** Of the pod. */
  readonly netns: string;
  /** "K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=shop" */
  readonly args?: string;
}

export interface ConflistResult {
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string }[];
}

/** The result of the last plugin; what fails is thrown as the plugin said it, and nothing is undone. */
export async function addByConflist(conflist: Conflist, call: ConflistCall): Promise<ConflistResult> {
  let prevResult: object | undefined;
  for (const plugin of conflist.plugins)
    prevResult = JSON.parse(await run('ADD', { conflist, plugin, prevResult }, call)) as object;
  // Whoever wrote it follows the specification: the test's own plugins.
  return prevResult as ConflistResult;
}

/** `result` is that of the ADD. */
export async function deleteByConflist(
  conflist: Conflist,
  call: ConflistCall,
  result: ConflistResult | undefined,
): Promise<void> {
  for (const plugin of conflist.plugins.toReversed())
    await run('DEL', { conflist, plugin, prevResult: result }, call);
}

interface Step {
  readonly conflist: Conflist;
  readonly plugin: Conflist['plugins'][number];
  readonly prevResult: object | undefined;
}

function run(
  command: string,
  { conflist: { cniVersion, name }, plugin, prevResult }: Step,
  { nodeNetns, containerId, netns, args }: ConflistCall,
): Promise<string> {
  const folder = plugin.type === OWN_PLUGIN ? path.dirname(CNI_EXECUTABLE) : REFERENCE_PLUGINS;
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: command,
    CNI_PATH: PLUGIN_FOLDERS.join(':'),
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    ...(args === undefined ? {} : { CNI_ARGS: args }),
  };
  return new Promise((resolve, reject) => {
    const enter = [`--net=${nodeNetns}`, path.join(folder, plugin.type)];
    const child = spawn('nsenter', enter, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    // It may answer without reading all of its input.
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} of ${containerId} by ${plugin.type}: exit ${code}: ${stdout}`));
    });
    child.stdin.end(JSON.stringify({ cniVersion, name, ...plugin, ...(prevResult && { prevResult }) }));
  });
}
