// One TCP connection whose socket lives in a pod's network namespace.

import net from 'node:net';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import type { PodSockets } from './pod-sockets.ts';

export interface PodConnectionOptions {
  readonly sockets: PodSockets;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  readonly to: { readonly ip: Ip; readonly port: number };
  readonly timeoutMs: number;
  /** The peer's end leaves our own side open. */
  readonly allowHalfOpen?: boolean;
}

/** Throws `timeout`, or `unavailable` where the peer refuses. The socket is the caller's from the call of `onSocket` on. */
export function connectInPod(
  { sockets, netns, to, timeoutMs, allowHalfOpen = false }: PodConnectionOptions,
  onSocket: (socket: net.Socket) => void = () => undefined,
): Promise<net.Socket> {
  const fd = sockets.openTcp(netns, to.ip.includes(':') ? 6 : 4);
  // manualStart: reading may begin only when the connection is there.
  const options: net.SocketConstructorOpts & { manualStart: boolean } = {
    fd,
    manualStart: true,
    allowHalfOpen,
  };
  const socket = new net.Socket(options);
  onSocket(socket);
  const target = `${to.ip} port ${to.port}`;
  return new Promise((resolve, reject) => {
    const onTimeout = (): void => {
      socket.destroy(new FairleadError('timeout', `Cannot connect to ${target}: no answer`));
    };
    socket.setTimeout(timeoutMs, onTimeout);
    socket.once('error', (error) => reject(dialError(target, error)));
    socket.connect({ host: to.ip, port: to.port }, () => {
      socket.setTimeout(0, onTimeout);
      resolve(socket);
    });
  });
}

/** What a failed dial is told as. */
export function dialError(target: string, error: Error): FairleadError {
  if (error instanceof FairleadError) return error;
  const errno = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const code = errno === 'ETIMEDOUT' ? 'timeout' : 'unavailable';
  return new FairleadError(code, `Cannot connect to ${target}: ${messageOf(error)}`, {
    details: { errno },
    cause: error,
  });
}
