// Channels in the messages of a WebSocket (channel.k8s.io): the first octet of a message names the channel.

import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** A message may not be larger; kubectl sends up to 32 KiB. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Close code "normal". */
const NORMAL = 1000;

/** `done` comes when the socket has taken the bytes: that is what bounds our buffers. */
export function sendOn(
  socket: WebSocket,
  channel: number,
  data: Uint8Array,
  done: (error?: Error | null) => void = () => undefined,
): void {
  socket.send(Buffer.concat([Buffer.from([channel]), data]), { binary: true }, done);
}

/**
 * The end: a closing frame and the end of the connection right behind it, as kubelets have it. Some clients (Python) look for frames only
 * when octets arrive, and would not see one that came together with another.
 */
export function hangUp(socket: WebSocket, connection: Duplex): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.close(NORMAL);
  connection.end();
}
