// One forwarded connection: a pair of streams of the client (error and data) joined with a connection in the pod. Knows no SPDY.

import type { Duplex } from 'node:stream';
import { messageOf } from '../../../base/errors.ts';

/** How long a client may go on sending to a server that has said its last word: kubectl does not pass that end on. */
const AFTER_END_MS = 1000;

export interface StreamPair {
  readonly port: number;
  readonly data: Duplex;
  /** Says in a sentence why a connection failed; its end without a word is the good end of the connection. */
  readonly error: Duplex;
}

/** Connects to a port of the pod. The connection lets its peer end one direction alone. */
export type ConnectPort = (port: number) => Promise<Duplex>;

/** Resolves when nothing of the connection is left; never throws. */
export async function forward(pair: StreamPair, connect: ConnectPort, podText: string): Promise<void> {
  // Nothing is to come on the error stream: what comes all the same is dropped.
  pair.error.resume();
  let reason: string | undefined;
  try {
    reason = await join(pair.data, await connect(pair.port));
  } catch (error) {
    reason = messageOf(error);
  }
  pair.data.resume();
  pair.data.end();
  pair.error.end(
    reason === undefined ? '' : `error forwarding port ${pair.port} to pod ${podText}: ${reason}`,
  );
}

/** Passes bytes and ends in both directions; resolves at the end, with what broke the connection in the pod. */
function join(data: Duplex, connection: Duplex): Promise<string | undefined> {
  let reason: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  connection.on('error', (error) => (reason = messageOf(error)));
  connection.on('end', () => (timer = setTimeout(() => connection.destroy(), AFTER_END_MS)));
  // The client reset its stream, or is gone.
  data.on('close', () => connection.destroy());
  if (data.destroyed) connection.destroy();
  data.pipe(connection);
  connection.pipe(data);
  return new Promise((resolve) => {
    connection.on('close', () => {
      clearTimeout(timer);
      data.unpipe(connection);
      resolve(reason);
    });
  });
}
