// A kubelet for tests of the API server: it answers logs, exec, attach and port-forward on a unix socket and remembers what it was asked.
// It speaks as the real one does, with small programs and the ports of this machine in the place of containers.

import { spawn } from 'node:child_process';
import http from 'node:http';
import { once } from 'node:events';
import net from 'node:net';
import { ExecDoor } from '../../src/lab/kubelet/exec/exec-door.ts';
import { PortForwardDoor } from '../../src/lab/kubelet/port-forward/port-forward-door.ts';

/** Echoes the command, and standard input where it is attached; "false" ends with exit code 3. */
const PROGRAM = 'echo "ran $*"; cat; [ "$1" != false ] || exit 3';

export class FakeKubelet {
  /** Paths with their queries, in the order of requests. */
  readonly asked: string[] = [];
  /** Of those the upgraded ones, with what they were upgraded to. */
  readonly upgrades: string[] = [];
  readonly #server: http.Server;
  readonly #execs = new ExecDoor();
  readonly #forwards = new PortForwardDoor();

  constructor() {
    this.#server = http.createServer((request, response) => {
      this.asked.push(request.url ?? '');
      response.end('line one\nline two\n');
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const url = request.url ?? '';
      this.asked.push(url);
      this.upgrades.push(`${request.headers.upgrade ?? ''} ${url}`);
      if (url.startsWith('/portForward/')) {
        this.#forwards.upgrade(request, { socket, head }, { podText: 'fake', connect: connectHere });
        return;
      }
      const command = new URL(url, 'http://kubelet').searchParams.getAll('command');
      this.#execs.upgrade(request, { socket, head }, () =>
        Promise.resolve(
          spawn('sh', ['-c', PROGRAM, 'sh', ...command], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] }),
        ),
      );
    });
  }

  async listen(socketPath: string): Promise<void> {
    this.#server.listen(socketPath);
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    this.#execs.close();
    this.#forwards.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function connectHere(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}
