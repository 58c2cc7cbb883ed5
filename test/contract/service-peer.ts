// A process that listens, connects and sends datagrams on request: one line of JSON in, one line out. It is started inside of the
// namespace and cgroup that a test is about, and ends with its standard input.

import dgram from 'node:dgram';
import net from 'node:net';
import { createInterface } from 'node:readline';

export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
}

export type PeerRequest =
  | ({ readonly kind: 'listen'; readonly protocol: 'TCP' | 'UDP'; readonly says: string } & PeerAddress)
  /** Connects and reads what the other end says. */
  | ({ readonly kind: 'connect' } & PeerAddress)
  /** Sends `count` datagrams from one socket, one after the other, and reads an answer to each. */
  | ({ readonly kind: 'send'; readonly count: number; readonly isConnected: boolean } & PeerAddress)
  /** Opens a connection that stays; `ask` makes its other end say its line again. */
  | ({ readonly kind: 'hold' } & PeerAddress)
  | { readonly kind: 'ask' };

/** `said` are the answers in order, `peer` is whom the socket takes the other end for, `error` an errno name or "timeout". */
export interface PeerReply {
  readonly said: readonly string[];
  readonly peer: string | undefined;
  readonly error: string | undefined;
}

const TIMEOUT_MS = 1500;
const held: net.Socket[] = [];

function reply(said: readonly string[], peer?: string, error?: string): PeerReply {
  return { said, peer, error };
}

function failure(error: unknown): PeerReply {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return reply([], undefined, typeof code === 'string' ? code : String(error));
}

function text(address: {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}): string {
  const host = address.address ?? '';
  return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

/** Says its line at once, and again for every line that comes. */
function listenTcp(request: PeerAddress & { readonly says: string }): Promise<PeerReply> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write(`${request.says}\n`);
      socket.on('data', () => socket.write(`${request.says}\n`));
    });
    server.on('error', (error) => resolve(failure(error)));
    server.listen(request.port, request.ip, () => resolve(reply([])));
  });
}

function listenUdp(request: PeerAddress & { readonly says: string }): Promise<PeerReply> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(request.ip) ? 'udp6' : 'udp4');
    socket.on('message', (_message, from) => socket.send(request.says, from.port, from.address));
    socket.on('error', (error) => resolve(failure(error)));
    socket.bind(request.port, request.ip, () => resolve(reply([])));
  });
}

function connect(request: PeerAddress, isHeld: boolean): Promise<PeerReply> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: request.ip, port: request.port });
    socket.setTimeout(TIMEOUT_MS, () => resolve(reply([], undefined, 'timeout')));
    socket.on('error', (error) => resolve(failure(error)));
    socket.once('data', (data) => {
      const peer = text({ address: socket.remoteAddress, port: socket.remotePort });
      resolve(reply([data.toString().trim()], peer));
      if (isHeld) held.push(socket.setTimeout(0));
      else socket.destroy();
    });
  });
}

async function ask(): Promise<PeerReply> {
  const said = held.map(
    (socket) =>
      new Promise<string>((resolve) => {
        const timer = setTimeout(() => resolve('timeout'), TIMEOUT_MS);
        socket.once('data', (data) => (clearTimeout(timer), resolve(data.toString().trim())));
        socket.once('error', (error) => (clearTimeout(timer), resolve(error.message)));
        socket.write('again\n');
      }),
  );
  return reply(await Promise.all(said));
}

async function send(request: Extract<PeerRequest, { kind: 'send' }>): Promise<PeerReply> {
  const socket = dgram.createSocket(net.isIPv6(request.ip) ? 'udp6' : 'udp4');
  try {
    if (request.isConnected) await connected(socket, request);
    const said: string[] = [];
    const peers = new Set<string>();
    for (let i = 0; i < request.count; i++) {
      const answer = await exchange(socket, request);
      said.push(answer.said);
      peers.add(answer.peer);
    }
    return reply(said, [...peers].join());
  } catch (error) {
    return failure(error);
  } finally {
    socket.close();
  }
}

function connected(socket: dgram.Socket, to: PeerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => resolve());
    socket.connect(to.port, to.ip);
  });
}

function exchange(
  socket: dgram.Socket,
  to: PeerAddress & { readonly isConnected: boolean },
): Promise<{ said: string; peer: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(Object.assign(new Error('timeout'), { code: 'timeout' })),
      TIMEOUT_MS,
    );
    const onSent = (error: Error | null): void => (error === null ? undefined : reject(error));
    socket.once('error', reject);
    socket.once('message', (message, from) => {
      clearTimeout(timer);
      resolve({ said: message.toString(), peer: text(from) });
    });
    if (to.isConnected) socket.send('hello', onSent);
    else socket.send('hello', to.port, to.ip, onSent);
  });
}

function serve(request: PeerRequest): Promise<PeerReply> {
  switch (request.kind) {
    case 'listen':
      return request.protocol === 'TCP' ? listenTcp(request) : listenUdp(request);
    case 'connect':
      return connect(request, false);
    case 'hold':
      return connect(request, true);
    case 'ask':
      return ask();
    case 'send':
      return send(request);
  }
}

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  for await (const line of lines) {
    // Written by the test of this folder, in the shape of the type above.
    process.stdout.write(`${JSON.stringify(await serve(JSON.parse(line) as PeerRequest))}\n`);
  }
}
