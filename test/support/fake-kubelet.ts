// A kubelet for tests of the API server: it answers logs and exec on a unix socket and remembers what it was asked.

import http from 'node:http';
import { once } from 'node:events';
import { WebSocketServer, type WebSocket } from 'ws';

const STDOUT = 1;
const ERROR = 3;

export class FakeKubelet {
  /** Paths with their queries, in the order of requests. */
  readonly asked: string[] = [];
  readonly #server: http.Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has('v5.channel.k8s.io') ? 'v5.channel.k8s.io' : false),
  });

  constructor() {
    this.#server = http.createServer((request, response) => {
      this.asked.push(request.url ?? '');
      response.end('line one\nline two\n');
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.asked.push(request.url ?? '');
      this.#sockets.handleUpgrade(request, socket, head, (client) => answer(client, request.url ?? ''));
    });
  }

  async listen(socketPath: string): Promise<void> {
    this.#server.listen(socketPath);
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    this.#sockets.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Echoes the command, and standard input where it is attached; "false" ends with exit code 3. */
function answer(client: WebSocket, url: string): void {
  const { searchParams } = new URL(url, 'http://kubelet');
  const command = searchParams.getAll('command');
  const send = (channel: number, text: string): void =>
    client.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  const end = (): void => {
    send(ERROR, JSON.stringify(command[0] === 'false' ? failure(3) : { status: 'Success' }));
    client.close(1000);
  };
  send(STDOUT, `ran ${command.join(' ')}\n`);
  if (searchParams.get('stdin') !== 'true') return end();
  client.on('message', (data: Buffer) => {
    if (data[0] === 0 && data.length > 1) send(STDOUT, data.subarray(1).toString());
    if (data[0] === 255) end();
  });
}

function failure(code: number): object {
  const details = { causes: [{ reason: 'ExitCode', message: String(code) }] };
  return {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with exit code ${code}`,
    details,
  };
}
