// Every kubectl that this machine has, by its minor version.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { scaledMs } from './time-scale.ts';

const BUILD = new URL('../../build', import.meta.url).pathname;

const PLACES = [
  // Debian's, unpacked by `scripts/set-up tests`.
  `${BUILD}/kubectl-*/usr/bin/kubectl`,
  '/usr/bin/kubectl',
  '/usr/local/bin/kubectl',
  '/usr/lib/google-cloud-sdk/bin/kubectl*',
  '/opt/kubectl/kubectl*',
];

export interface Kubectl {
  readonly file: string;
  readonly minor: number;
}

/** One per minor version, oldest first. `FAIRLEAD_KUBECTL` may name further programs, separated by colons. */
export function findKubectls(): readonly Kubectl[] {
  const named = (process.env['FAIRLEAD_KUBECTL'] ?? '').split(':').filter((file) => file !== '');
  const files = [...named, ...PLACES.flatMap((place) => globSync(place))].filter((file) => existsSync(file));
  const byMinor = new Map<number, Kubectl>();
  for (const file of files) {
    const minor = minorOf(file);
    if (minor !== undefined && !byMinor.has(minor)) byMinor.set(minor, { file, minor });
  }
  return [...byMinor.values()].sort((a, b) => a.minor - b.minor);
}

function minorOf(file: string): number | undefined {
  try {
    const text = execFileSync(file, ['version', '--client', '-o', 'json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { clientVersion } = JSON.parse(text) as { clientVersion: { minor: string } };
    return Number.parseInt(clientVersion.minor, 10);
  } catch {
    return undefined;
  }
}

export interface Run {
  readonly code: number;
  /** Standard output and error together, trimmed. */
  readonly text: string;
}

export interface KubectlOptions {
  readonly kubeconfig: string;
  /** Caches of discovery go here, so that no run sees another server's. */
  readonly home: string;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

export function runKubectl(
  kubectl: Kubectl,
  args: readonly string[],
  { kubeconfig, home, stdin, timeoutMs = 20_000 }: KubectlOptions,
): Promise<Run> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: path.join(home, String(kubectl.minor)),
    KUBECONFIG: kubeconfig,
  };
  const child = spawn(kubectl.file, [...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: scaledMs(timeoutMs),
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin ?? '');
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code: code ?? -1, text: text.trim() }));
  });
}
