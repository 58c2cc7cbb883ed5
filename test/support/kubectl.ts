// Every kubectl that this machine has, by its minor version, and ways to run it: to its end, or until it has said something.

import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
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
    const { clientVersion } = JSON.parse(text) as { clientVersion: { minor: string; gitVersion: string } };
    // A dispatcher runs another kubectl, the one that fits the server: it stands for no version.
    if (clientVersion.gitVersion.endsWith('-dispatcher')) return undefined;
    return Number.parseInt(clientVersion.minor, 10);
  } catch {
    return undefined;
  }
}

export interface Run {
  readonly code: number;
  /** Standard output and error together, trimmed. */
  readonly text: string;
  /** Standard output alone, as it is. */
  readonly stdout: string;
}

export interface KubectlOptions {
  readonly kubeconfig: string;
  /** Caches of discovery go here, so that no run sees another server's. */
  readonly home: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export function runKubectl(kubectl: Kubectl, args: readonly string[], options: KubectlOptions): Promise<Run> {
  const child = start(kubectl, args, options);
  let text = '';
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code: code ?? -1, text: text.trim(), stdout }));
  });
}

/** For what goes on by itself (`-w`, `-f`): runs until its output matches, then ends it. Code -1 where it never did. */
export function watchKubectl(
  kubectl: Kubectl,
  args: readonly string[],
  { until, ...options }: KubectlOptions & { readonly until: RegExp },
): Promise<Run> {
  const child = start(kubectl, args, options);
  let text = '';
  let isSeen = false;
  const look = (chunk: Buffer): void => {
    text += chunk.toString();
    isSeen ||= until.test(text);
    if (isSeen) child.kill('SIGKILL');
  };
  child.stdout.on('data', look);
  child.stderr.on('data', look);
  child.stdin.end();
  return new Promise((resolve) => {
    child.on('close', () => resolve({ code: isSeen ? 0 : -1, text: text.trim(), stdout: text }));
  });
}

export interface Held {
  /** Of the words that were waited for. */
  readonly match: RegExpExecArray;
  /** All that it has said. */
  readonly text: () => string;
  /** Ends it; resolves when it is gone. */
  end(): Promise<void>;
}

/** For what serves while it runs (`port-forward`): resolves when its output matches, rejects where it ends before. */
export function holdKubectl(
  kubectl: Kubectl,
  args: readonly string[],
  { until, ...options }: KubectlOptions & { readonly until: RegExp },
): Promise<Held> {
  const child = start(kubectl, args, options);
  let text = '';
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = (): Promise<void> => {
    child.kill('SIGKILL');
    return gone;
  };
  child.stdin.end();
  return new Promise((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      const match = until.exec(text);
      if (match !== null) resolve({ match, end, text: () => text });
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    void gone.then(() => reject(new Error(`${args.join(' ')} ended: ${text}`)));
  });
}

function start(
  kubectl: Kubectl,
  args: readonly string[],
  { kubeconfig, home, env = {}, timeoutMs = 20_000 }: KubectlOptions,
): ChildProcessWithoutNullStreams {
  return spawn(kubectl.file, [...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: path.join(home, String(kubectl.minor)),
      KUBECONFIG: kubeconfig,
      // Runs of a tenth of a second by the hundred: no collection, one thread.
      GOGC: 'off',
      GOMAXPROCS: '1',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: scaledMs(timeoutMs),
  });
}
