// What a prober serves itself: who asks, its health for probes that a test turns, and bytes by the million.

import dgram from 'node:dgram';
import http from 'node:http';

const FILLING = Buffer.alloc(64 << 10, 'fairlead');

export interface Health {
  isReady: boolean;
  isLive: boolean;
}

/** On all addresses of both families: /clientip, /ready, /live, /bytes?count=N, /hostname; by UDP the client's address whatever is said. */
export async function serve(port: number, name: string, health: Health): Promise<void> {
  await serveUdp(port);
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://prober');
    if (url.pathname === '/hostname') response.end(name);
    else if (url.pathname === '/clientip') response.end(plainIp(request.socket.remoteAddress));
    else if (url.pathname === '/ready') response.writeHead(health.isReady ? 200 : 503).end();
    else if (url.pathname === '/live') response.writeHead(health.isLive ? 200 : 503).end();
    else if (url.pathname === '/bytes') sendBytes(response, Number(url.searchParams.get('count')));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '::', resolve));
}

/** A socket per family: one for both would answer an address of the node with another one. */
async function serveUdp(port: number): Promise<void> {
  for (const [type, address] of [
    ['udp4', '0.0.0.0'],
    ['udp6', '::'],
  ] as const) {
    const socket = dgram.createSocket({ type, ...(type === 'udp6' && { ipv6Only: true }) });
    socket.on('message', (_data, from) => socket.send(plainIp(from.address), from.port, from.address));
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, address, resolve));
    socket.on('error', () => undefined);
  }
}

/** IPv4 as such, also where a socket of both families shows it mapped. */
export function plainIp(address = ''): string {
  return address.replace(/^::ffff:/, '');
}

function sendBytes(response: http.ServerResponse, count: number): void {
  response.writeHead(200, { 'content-length': count, connection: 'close' });
  let left = count;
  const write = (): void => {
    while (left > 0) {
      const chunk = FILLING.subarray(0, Math.min(left, FILLING.length));
      left -= chunk.length;
      if (!response.write(chunk)) return void response.once('drain', write);
    }
    response.end();
  };
  response.on('error', () => undefined);
  write();
}

/** Fetches /bytes of another prober and looks at every one of them. */
export function fetchBytes(of: {
  readonly host: string;
  readonly port: number;
  readonly bytes: number;
}): Promise<{ readonly bytes: number; readonly isWhole: boolean; readonly ms: number }> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const host = of.host.includes(':') ? `[${of.host}]` : of.host;
    const request = http.get(
      `http://${host}:${of.port}/bytes?count=${of.bytes}`,
      { agent: false },
      (response) => {
        let [bytes, isSound] = [0, true];
        response.on('data', (chunk: Buffer) => {
          const at = bytes % FILLING.length;
          const wanted = Buffer.concat([FILLING, FILLING]).subarray(
            at,
            at + Math.min(chunk.length, FILLING.length),
          );
          isSound &&= chunk.subarray(0, wanted.length).equals(wanted);
          bytes += chunk.length;
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            bytes,
            isWhole: isSound && bytes === of.bytes,
            ms: Math.round(performance.now() - startMs),
          }),
        );
      },
    );
    request.setTimeout(20_000, () => request.destroy(new Error('timeout')));
    request.once('error', reject);
  });
}
