// One `kubectl exec` over a WebSocket (v4 and v5.channel.k8s.io): the first byte of a frame names the channel, the last word is
// a Status on the error channel.

import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5 only: the next byte names the channel that the client has ended. */
const CLOSE = 255;

/** Frames that the peer has not taken yet; beyond it the program waits. */
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_MS = 20;
/** A WebSocket message may not be larger; kubectl sends up to 32 KiB. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Close code "normal". */
const NORMAL = 1000;

export interface ExecStreams {
  readonly hasStdin: boolean;
  readonly hasStdout: boolean;
  readonly hasStderr: boolean;
  readonly hasTty: boolean;
}

/** Joins socket and process until both have ended; the process dies with the socket. */
export function runExecSession(socket: WebSocket, child: ChildProcess, streams: ExecStreams): void {
  const sizes = child.stdio[3] as Writable;
  child.stdin?.on('error', () => undefined);
  sizes.on('error', () => undefined);
  if (!streams.hasStdin && !streams.hasTty) child.stdin?.end();
  socket.on('message', (data: Buffer) => receive(data, child, sizes));
  socket.on('close', () => child.kill('SIGKILL'));
  socket.on('error', () => child.kill('SIGKILL'));
  if (streams.hasStdout) forward(socket, child.stdout, STDOUT);
  else child.stdout?.resume();
  if (streams.hasStderr && !streams.hasTty) forward(socket, child.stderr, STDERR);
  else child.stderr?.resume();
  let reason = '';
  child.stdio[4]?.on('data', (chunk: Buffer) => (reason += chunk.toString('utf8')));
  child.on('error', (error) => finish(socket, failureStatus(error.message)));
  child.on('close', (code, signal) => {
    if (reason !== '') finish(socket, failureStatus(reason));
    else finish(socket, exitStatus(code ?? (signal === 'SIGKILL' ? 137 : 128)));
  });
}

/** Tells the client why nothing could be run. */
export function refuseExecSession(socket: WebSocket, message: string): void {
  finish(socket, failureStatus(message));
}

function receive(data: Buffer, child: ChildProcess, sizes: Writable): void {
  const channel = data[0];
  const body = data.subarray(1);
  if (channel === STDIN) child.stdin?.write(body);
  else if (channel === CLOSE && body[0] === STDIN) child.stdin?.end();
  else if (channel === RESIZE) {
    const size = parseSize(body.toString('utf8'));
    if (size !== undefined) sizes.write(size);
  }
}

/** "<columns> <rows>\n" of {"Width":80,"Height":24}; undefined for anything else. */
function parseSize(text: string): string | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const isSize = (value: unknown): value is number =>
      typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
    return isSize(Width) && isSize(Height) ? `${Width} ${Height}\n` : undefined;
  } catch {
    return undefined; // A client's nonsense changes no terminal.
  }
}

function forward(socket: WebSocket, from: ChildProcess['stdout'], channel: number): void {
  // kubectl waits for the first frame of a stream before it counts it as open.
  send(socket, channel, Buffer.alloc(0));
  from?.on('data', (chunk: Buffer) => {
    send(socket, channel, chunk);
    if (socket.bufferedAmount > HIGH_WATER_BYTES) pauseUntilDrained(socket, from);
  });
}

function pauseUntilDrained(socket: WebSocket, from: NonNullable<ChildProcess['stdout']>): void {
  from.pause();
  const timer = setInterval(() => {
    const isOpen = socket.readyState === socket.OPEN;
    if (isOpen && socket.bufferedAmount > HIGH_WATER_BYTES / 2) return;
    clearInterval(timer);
    from.resume();
  }, LOW_WATER_MS);
}

function send(socket: WebSocket, channel: number, data: Uint8Array): void {
  if (socket.readyState !== socket.OPEN) return;
  // A peer that is gone is reported by the close event.
  socket.send(Buffer.concat([Buffer.from([channel]), data]), { binary: true }, () => undefined);
}

function finish(socket: WebSocket, status: Record<string, unknown>): void {
  send(socket, ERROR, Buffer.from(JSON.stringify(status)));
  if (socket.readyState === socket.OPEN) socket.close(NORMAL);
}

function exitStatus(code: number): Record<string, unknown> {
  const base = { kind: 'Status', apiVersion: 'v1', metadata: {} };
  if (code === 0) return { ...base, status: 'Success' };
  return {
    ...base,
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

function failureStatus(message: string): Record<string, unknown> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    code: 500,
    message: `error executing command in container: ${message}`,
  };
}
