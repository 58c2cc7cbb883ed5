// The answering half of a peer: every answer says who answers, which client it sees, and how much it got.

import dgram from 'node:dgram';
import net from 'node:net';
import { parseIp } from '../../src/base/ip.ts';
import type { Protocol } from '../../src/base/port.ts';
import { listenSctp } from '../../src/sys/socket.ts';

export interface ListenRequest {
  readonly kind: 'listen';
  readonly protocol: Protocol;
  readonly says: string;
  readonly ip: string;
  readonly port: number;
  /** Listens on this many ports from `port` on; 1 unless told. */
  readonly ports?: number;
}

/** What an endpoint says of a packet that reached it. */
export interface EndpointWord {
  readonly said: string;
  /** Address of the client as the endpoint sees it. */
  readonly seen: string;
  /** Port on which the endpoint was reached. */
  readonly at: number;
  readonly bytes: number;
}

export function writeWord({ said, seen, at, bytes }: EndpointWord): string {
  return `${said} ${seen} ${at} ${bytes}`;
}

export function readWord(text: string): EndpointWord {
  const [said = '', seen = '', at, bytes] = text.trim().split(' ');
  return { said, seen, at: Number(at), bytes: Number(bytes) };
}

/** Rejects where a socket cannot be bound. */
export async function listen(request: ListenRequest): Promise<void> {
  const { protocol, ports = 1 } = request;
  const open = protocol === 'UDP' ? listenUdp : listenStream;
  const all = Array.from({ length: ports }, (_, i) => open({ ...request, port: request.port + i }));
  await Promise.all(all);
}

/** Greets at once, and answers every line. */
function listenStream({ protocol, ip, port, says }: ListenRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      let bytes = 0;
      const word = (): string =>
        `${writeWord({ said: says, seen: socket.remoteAddress ?? '?', at: port, bytes })}\n`;
      socket.on('error', () => socket.destroy());
      socket.write(word());
      socket.on('data', (data) => {
        bytes += data.length;
        if (data.at(-1) !== 0x0a) return;
        socket.write(word());
        bytes = 0;
      });
    });
    server.on('error', reject);
    // Node has no SCTP, and needs none: a socket of one association is a stream to it.
    const at =
      protocol === 'SCTP' ? { fd: listenSctp(undefined, { ip: parseIp(ip), port }) } : { port, host: ip };
    server.listen(at, () => resolve());
  });
}

/** Answers are as long as what they answer, so that both ways are tried with the same sizes. */
function listenUdp({ ip, port, says }: ListenRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(net.isIPv6(ip) ? 'udp6' : 'udp4');
    socket.on('message', (message, from) => {
      const word = writeWord({ said: says, seen: from.address, at: port, bytes: message.length });
      socket.send(word.padEnd(message.length), from.port, from.address);
    });
    socket.on('error', reject);
    socket.bind(port, ip, () => resolve());
  });
}
