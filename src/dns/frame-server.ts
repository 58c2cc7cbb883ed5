// The DNS process's end of a connection to the agent: a unix socket on which the agent that connected last speaks in frames.

import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { frameJson, JsonFramer } from './json-frames.ts';

type Frame = { readonly kind: string };

/** One connection. */
export interface FrameSession {
  /** Takes a frame and gives its reply, undefined for none; throws where it does not fit, which ends the connection. */
  handle(value: unknown): Frame | undefined;
  /** Nothing more is said. */
  closed?(): void;
}

export interface FrameServer {
  /** Of logs and errors. */
  readonly what: string;
  /** `send` may be called until the session is closed. */
  readonly open: (send: (frame: Frame) => void) => FrameSession;
  readonly onConnected: (isConnected: boolean) => void;
  readonly onError: (error: unknown) => void;
}

/** Listens on `path` (mode 0600) until `lifetime` ends. A socket file left by a process that was killed is replaced. */
export async function openFrameServer(path: string, lifetime: Lifetime, server: FrameServer): Promise<void> {
  let current: Socket | undefined;
  const listener = createServer((socket) => {
    // A restarted agent speaks for the cluster; the connection of the old one may not be noticed as dead yet.
    current?.destroy();
    current = socket;
    server.onConnected(true);
    const session = serve(socket, server);
    socket.on('close', () => {
      session.closed?.();
      if (current !== socket) return;
      current = undefined;
      server.onConnected(false);
    });
  });
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await listen(listener, path);
  await chmod(path, 0o600);
  lifetime.own(`${server.what} ${path}`, listener, async () => {
    const done = new Promise<void>((resolve) => listener.close(() => resolve()));
    current?.destroy();
    await done;
  });
}

function serve(socket: Socket, { open, onError }: FrameServer): FrameSession {
  const framer = new JsonFramer();
  const session = open((frame) => {
    if (!socket.destroyed) socket.write(frameJson(frame));
  });
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const value of framer.push(chunk)) {
        const reply = session.handle(value);
        if (reply !== undefined) socket.write(frameJson(reply));
      }
    } catch (error) {
      onError(error);
      const refused = { kind: 'refused', because: messageOf(error) };
      socket.end(frameJson(refused));
    }
  });
  return session;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
