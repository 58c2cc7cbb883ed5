// A door of port-forward behind a server of its own, and a pod's port that does what a test wants of it.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { PortForwardDoor } from '../../src/lab/kubelet/port-forward/port-forward-door.ts';
import { eventually } from './eventually.ts';

export class ForwardRig {
  readonly #folder = mkdtempSync('/tmp/t-forward-');
  readonly #server = http.createServer();
  readonly #door: PortForwardDoor;
  readonly #pod = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    this.serve(socket);
  });
  readonly call = { socketPath: `${this.#folder}/kubelet.sock`, path: '/portForward/default/web' };
  /** Those into the pod that are open. */
  readonly connections = new Set<net.Socket>();
  /** What the pod's port does with a connection; tests replace it. */
  serve: (socket: net.Socket) => void = (socket) => socket.pipe(socket);
  port = 0;

  constructor({ pingMs, pairTimeoutMs }: { readonly pingMs: number; readonly pairTimeoutMs: number }) {
    this.#door = new PortForwardDoor({ pingMs });
    // As the kernel has it: a port without a listener is refused.
    const connect = async (to: number): Promise<net.Socket> => {
      const socket = net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      this.connections.add(socket);
      socket.on('close', () => this.connections.delete(socket));
      return socket;
    };
    this.#server.on('upgrade', (request, socket, head) =>
      this.#door.upgrade(request, { socket, head }, { connect, podText: 'web_default', pairTimeoutMs }),
    );
  }

  async open(): Promise<void> {
    this.#server.listen(this.call.socketPath);
    this.#pod.listen(0, '127.0.0.1');
    await Promise.all([once(this.#server, 'listening'), once(this.#pod, 'listening')]);
    this.port = (this.#pod.address() as net.AddressInfo).port;
  }

  /** From now on the pod's port writes as long as it is taken from it; gives how many octets that were when no more are. */
  flood(): () => Promise<number> {
    let sent = 0;
    const piece = Buffer.alloc(65_536);
    this.serve = (socket) => {
      const more = (): void => {
        while (socket.writable && socket.write(piece)) sent += piece.length;
      };
      socket.on('drain', more);
      more();
    };
    return async () => {
      let before = -1;
      await eventually(async () => {
        const isStill = sent > 0 && sent === before;
        before = sent;
        await delay(200);
        return isStill;
      });
      return sent;
    };
  }

  close(): void {
    this.#door.close();
    this.#server.close();
    this.#pod.close();
    rmSync(this.#folder, { recursive: true });
  }
}
