// Something outside of the cluster that a pod can reach: a server of the test's own at the cluster link of the machine.

import dgram from 'node:dgram';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Lifetime } from '../../src/base/lifetime.ts';

/** Says to everybody, by HTTP and UDP, with which address they came; gone when `work` ends. */
export async function withOutsider(
  at: Readonly<Record<4 | 6, string>>,
  work: (ports: { readonly http: number; readonly udp: number }) => Promise<void>,
): Promise<void> {
  const lifetime = new Lifetime('outsider');
  try {
    const ports = { http: 0, udp: 0 };
    for (const ip of [at[4], at[6]]) {
      ports.http = await serveHttp(ip, ports.http, lifetime);
      ports.udp = await serveUdp(ip, ports.udp, lifetime);
    }
    await work(ports);
  } finally {
    await lifetime.close();
  }
}

function serveHttp(host: string, port: number, lifetime: Lifetime): Promise<number> {
  const server = http.createServer((request, response) => response.end(request.socket.remoteAddress));
  lifetime.defer('HTTP server', () => void server.close());
  return new Promise((resolve, reject) => {
    server
      .once('error', reject)
      .listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
  });
}

function serveUdp(address: string, port: number, lifetime: Lifetime): Promise<number> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_data, from) => socket.send(from.address, from.port, from.address));
  lifetime.defer('UDP server', () => void socket.close());
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind({ address, port }, () => resolve(socket.address().port));
  });
}
