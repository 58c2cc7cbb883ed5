// Runs the CNI executable as a container runtime does: environment and standard input in, exit code and standard output back.

import { spawn } from 'node:child_process';

export const CNI_EXECUTABLE = new URL('../../build/native/fairlead-cni', import.meta.url).pathname;

export interface CniCall {
  readonly command: string;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  /** Text goes as it is, anything else as JSON. */
  readonly config: unknown;
  readonly timeoutMs?: number;
}

export interface CniExit {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output as JSON, undefined where it is empty. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export function runCni(call: CniCall): Promise<CniExit> {
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: call.command,
    CNI_PATH: '/opt/cni/bin',
    ...(call.containerId === undefined ? {} : { CNI_CONTAINERID: call.containerId }),
    ...(call.netns === undefined ? {} : { CNI_NETNS: call.netns }),
    ...(call.ifname === undefined ? {} : { CNI_IFNAME: call.ifname }),
    ...(call.args === undefined ? {} : { CNI_ARGS: call.args }),
    ...(call.timeoutMs === undefined ? {} : { FAIRLEAD_CNI_TIMEOUT_MS: String(call.timeoutMs) }),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(CNI_EXECUTABLE, [], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    // It may answer without reading all of its input.
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => {
      const json = stdout === '' ? undefined : (JSON.parse(stdout) as Readonly<Record<string, unknown>>);
      resolve({ code, stdout, json });
    });
    child.stdin.end(typeof call.config === 'string' ? call.config : JSON.stringify(call.config));
  });
}
