// A kubelet for tests of the API server: it answers logs and exec on a unix socket and remembers what it was asked.
// Its exec speaks as the real one does, with small programs of this machine in the place of containers.

import { spawn } from 'node:child_process';
import http from 'node:http';
import { once } from 'node:events';
import { ExecDoor } from '../../src/lab/kubelet/exec/exec-door.ts';

/** Echoes the command, and standard input where it is attached; "false" ends with exit code 3. */
const PROGRAM = 'echo "ran $*"; cat; [ "$1" != false ] || exit 3';

export class FakeKubelet {
  /** Paths with their queries, in the order of requests. */
  readonly asked: string[] = [];
  readonly #server: http.Server;
  readonly #execs = new ExecDoor();

  constructor() {
    this.#server = http.createServer((request, response) => {
      this.asked.push(request.url ?? '');
      response.end('line one\nline two\n');
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const url = request.url ?? '';
      this.asked.push(url);
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
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
