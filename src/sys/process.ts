// Host programs: run to the end with bounded output and time, and processes told apart beyond their numbers.

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { FairleadError, messageOf } from '../base/errors.ts';
import { inNetns, type Netns } from './netns.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** So much of a program's complaint goes into the error. */
const SHOWN_STDERR_CHARACTERS = 2000;
/** Pieces of input are put together to so much, which a pipe takes at once. */
const CHUNK_CHARACTERS = 64 * 1024;

/** A function gives it in pieces, each made when the program takes it. */
export type Input = string | Uint8Array | (() => Iterable<string>);

export interface RunOptions {
  readonly stdin?: Input;
  readonly timeoutMs?: number;
  /** Of stdout and stderr each; more is `exhausted`. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
  /** The whole environment; default: that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Started inside of this namespace, without a helper program. */
  readonly netns?: Netns | string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a program and resolves when it has ended with 0. Otherwise throws: `unsupported` where it is not installed, `kernel` with its own words where
 * it failed (details.exitCode, details.stdout), `timeout`, `aborted`, `exhausted`; in the last three the program has been killed.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const command = [program, ...args].join(' ');
  if (options.signal?.aborted === true) return Promise.reject(stopped('aborted', command, 'it was given up'));
  const child = start(program, args, options);
  return new Promise((resolve, reject) => {
    let failure: FairleadError | undefined;
    const stop = (error: FairleadError): void => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const maxBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
    const onFull = (): void => stop(stopped('exhausted', command, `it wrote more than ${maxBytes} bytes`));
    const stdout = collect(child.stdout, maxBytes, onFull);
    const stderr = collect(child.stderr, maxBytes, onFull);
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = setTimeout(
      () => stop(stopped('timeout', command, `not ended after ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onAbort = (): void => stop(stopped('aborted', command, 'it was given up'));
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (error: FairleadError | undefined): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      if (error === undefined) resolve({ stdout: stdout(), stderr: stderr() });
      else reject(error);
    };
    child.once('error', (error) => settle(failure ?? notStarted(program, command, error)));
    child.once('close', (code, signal) =>
      settle(failure ?? failedExit(command, { code, signal }, { stdout: stdout(), stderr: stderr() })),
    );
    // A program that ends without reading its input breaks the pipe; its exit code tells the rest.
    child.stdin?.on('error', () => undefined);
    const { stdin = '' } = options;
    if (typeof stdin !== 'function') child.stdin?.end(stdin);
    else if (child.stdin !== null)
      feed(child.stdin, stdin()).catch((error: unknown) => stop(brokenInput(command, error)));
  });
}

/** When the process began, in clock ticks since the boot: with the pid it names a process for good. Undefined where there is none. */
export function processStartTime(pid: number): number | undefined {
  return readStat(pid)?.startTime;
}

/** Whether the process runs; a zombie does not. With `startTime` (of `processStartTime`) a later one of the same number does not count. */
export function isAlive(pid: number, startTime?: number): boolean {
  const stat = readStat(pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return false;
  return startTime === undefined || stat.startTime === startTime;
}

function readStat(pid: number): { readonly state: string; readonly startTime: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: Number(fields[19]) };
}

function start(program: string, args: readonly string[], options: RunOptions): ChildProcess {
  const launch = (): ChildProcess =>
    spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  // A child inherits the namespace of the thread that forks it, and Node forks in `spawn` itself.
  return options.netns === undefined ? launch() : inNetns(options.netns, launch);
}

/** Ends early where the program takes no more; rejects with what the maker of the pieces throws. */
async function feed(stdin: Writable, pieces: Iterable<string>): Promise<void> {
  const write = (chunk: string): Promise<boolean> =>
    new Promise((resolve) => stdin.write(chunk, (error) => resolve(error === null || error === undefined)));
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    if (!(await write(chunk))) return;
    chunk = '';
  }
  stdin.end(chunk);
}

function collect(stream: ChildProcess['stdout'], maxBytes: number, onFull: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) onFull();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function stopped(code: 'aborted' | 'timeout' | 'exhausted', command: string, why: string): FairleadError {
  return new FairleadError(code, `Cannot run "${command}": ${why}`);
}

function brokenInput(command: string, error: unknown): FairleadError {
  return new FairleadError('internal', `Cannot run "${command}": its input: ${messageOf(error)}`, {
    cause: error,
  });
}

function notStarted(program: string, command: string, error: Error): FairleadError {
  const isMissing = 'code' in error && error.code === 'ENOENT';
  return isMissing
    ? new FairleadError('unsupported', `Cannot run "${program}": it is not installed`, { cause: error })
    : new FairleadError('kernel', `Cannot run "${command}": ${error.message}`, { cause: error });
}

function failedExit(command: string, exit: Exit, output: RunResult): FairleadError | undefined {
  if (exit.code === 0) return undefined;
  const how = exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`;
  const words = output.stderr.trim().slice(0, SHOWN_STDERR_CHARACTERS);
  return new FairleadError('kernel', `Cannot run "${command}": ${words === '' ? how : `${words} (${how})`}`, {
    details: {
      exitCode: exit.code ?? undefined,
      signal: exit.signal ?? undefined,
      stderr: words,
      stdout: output.stdout.slice(0, SHOWN_STDERR_CHARACTERS),
    },
  });
}
