// One `kubectl exec`: joins a process and the client's connection until both have ended. Knows no protocol.

import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ExecTransport } from './exec-transport.ts';
import { exitStatus, failureStatus } from './exec-status.ts';
import { terminalSizeLines } from './terminal-sizes.ts';

/** The launcher says why in a sentence; more is of no use to anybody. */
const MAX_REASON_CHARS = 4096;
const KILLED = 137;
const SIGNALLED = 128;

export interface ExecSessionOptions {
  readonly hasTty: boolean;
  readonly pingMs: number;
  /** What a failure is told as. */
  readonly failed: string;
}

/** `child` is of `Launcher.exec`. It dies with the client. */
export function runExec(
  transport: ExecTransport,
  child: ChildProcess,
  { hasTty, pingMs, failed }: ExecSessionOptions,
): void {
  joinInput(transport.stdin, child, hasTty);
  joinOutput(child.stdout, transport.stdout);
  joinOutput(child.stderr, hasTty ? undefined : transport.stderr);
  joinSizes(transport.sizes, child.stdio[3] as Writable); // The launcher's third descriptor is written to.
  const kill = (): void => void child.kill('SIGKILL');
  transport.gone.addEventListener('abort', kill, { once: true });
  if (transport.gone.aborted) kill();
  const beat = setInterval(() => transport.ping(), pingMs);
  let reason = '';
  child.stdio[4]?.on('data', (chunk: Buffer) => {
    if (reason.length < MAX_REASON_CHARS) reason += chunk.toString('utf8');
  });
  child.on('error', (error) => (reason ||= error.message));
  child.on('close', (code, signal) => {
    clearInterval(beat);
    transport.gone.removeEventListener('abort', kill);
    const exitCode = code ?? (signal === 'SIGKILL' ? KILLED : SIGNALLED);
    transport.finish(reason === '' ? exitStatus(exitCode) : failureStatus(failed, reason));
  });
}

/** Output alone, without a process: it ends with the client, and the session with it. */
export function runOutput(
  transport: ExecTransport,
  output: Readable,
  { pingMs, failed }: ExecSessionOptions,
): void {
  joinOutput(output, transport.stdout);
  transport.gone.addEventListener('abort', () => output.destroy(), { once: true });
  const beat = setInterval(() => transport.ping(), pingMs);
  let reason: string | undefined;
  output.on('error', (error) => (reason = error.message));
  output.on('close', () => {
    clearInterval(beat);
    transport.finish(reason === undefined ? exitStatus(0) : failureStatus(failed, reason));
  });
}

function joinInput(stdin: Readable | undefined, child: ChildProcess, hasTty: boolean): void {
  const to = child.stdin;
  if (to === null) return;
  // A program that reads no more: what still comes is dropped, so that the connection's other words get through.
  to.on('error', () => stdin?.resume());
  to.on('close', () => stdin?.resume());
  if (stdin === undefined) {
    // A terminal without a reader stays open, as a real one does.
    if (!hasTty) to.end();
    return;
  }
  // Also where the client reset the stream instead of ending it, perhaps before the process ran.
  if (stdin.destroyed) to.end();
  stdin.on('close', () => to.end());
  stdin.pipe(to);
}

function joinOutput(from: Readable | null, to: Writable | undefined): void {
  // A client that is gone ends the process; its output then goes nowhere.
  to?.on('error', () => from?.resume());
  to?.on('close', () => from?.resume());
  if (to === undefined || to.destroyed) from?.resume();
  else from?.pipe(to);
}

function joinSizes(sizes: Readable | undefined, to: Writable): void {
  to.on('error', () => sizes?.resume());
  sizes?.pipe(terminalSizeLines()).pipe(to);
}
