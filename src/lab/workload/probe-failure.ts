// Why a probe failed, in the words of a kubelet: people and tools look for them in events. Pure.

import { messageOf } from '../../base/errors.ts';
import { formatGoDuration } from './go-duration.ts';
import type { ProbeRequest } from './workload-spec.ts';

/** What the kernel says of a connection, as Go's network library has it. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
  EACCES: 'connect: permission denied',
  EPERM: 'connect: operation not permitted',
};

/** `isTimeout`: the probe's time was over before anything else happened. */
export function probeFailure(request: ProbeRequest, error: unknown, isTimeout: boolean): string {
  const at = addressOf(request);
  if (request.kind === 'tcp') return isTimeout ? `dial tcp ${at}: i/o timeout` : dialFailure(at, error);
  if (request.kind === 'http') {
    const why = isTimeout
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : httpFailure(at, error);
    return `Get "${request.scheme.toLowerCase()}://${at}${request.path === '' ? '/' : request.path}": ${why}`;
  }
  const within = formatGoDuration(request.timeoutMs);
  // A kubelet asks again and again until its time is over, and then says only this.
  if (isTimeout || codeOf(error) in WORDS) {
    return `timeout: failed to connect service "${at}" within ${within}: context deadline exceeded`;
  }
  return `error: health rpc probe failed: ${messageOf(error)}`;
}

function addressOf({ host, port }: ProbeRequest): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function dialFailure(at: string, error: unknown): string {
  if (codeOf(error) === 'ENOTFOUND') return `dial tcp: lookup ${at.replace(/:\d+$/, '')}: no such host`;
  return `dial tcp ${at}: ${WORDS[codeOf(error)] ?? messageOf(error)}`;
}

function httpFailure(at: string, error: unknown): string {
  const code = codeOf(error);
  if (code in WORDS || code === 'ENOTFOUND') return dialFailure(at, error);
  if (code !== 'ECONNRESET') return messageOf(error);
  // Node has one code for two ends: the other side closed before it answered, or it sent a reset.
  const isClosed = error instanceof Error && error.message === 'socket hang up';
  return isClosed ? 'EOF' : `read tcp ${at}: read: connection reset by peer`;
}

/** An HTTP/2 stream that ended with its connection has the connection's error for its cause. */
function codeOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return codeOf(error.cause);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
