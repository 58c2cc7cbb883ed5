// A nameserver of others on the loopback, for tests of forwarding: UDP and TCP on one port, each name answered with one address.

import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import packet from 'dns-packet';
import { frameMessage, MessageFramer } from '../../src/dns/message-framer.ts';

export interface UpstreamOptions {
  /** The address that every name has. */
  readonly answer: string;
  readonly ip?: string;
  /** Answers over UDP say that they are truncated. */
  readonly truncates?: boolean;
  /** Swallows questions over UDP. */
  readonly isSilent?: () => boolean;
}

export interface TestUpstream {
  /** As the configuration names it. */
  readonly address: string;
  readonly port: number;
  /** "name transport" of each question, in the order in which they came. */
  readonly asked: string[];
  close(): void;
}

/** The answer to the question of `bytes`: one address, 60 seconds. */
export function upstreamAnswer(bytes: Buffer, address: string, isTruncated = false): Buffer {
  const { id = 0, questions = [] } = packet.decode(bytes);
  const name = questions[0]?.name ?? '.';
  const answers = isTruncated ? [] : [{ type: 'A' as const, name, ttl: 60, data: address }];
  const flags = isTruncated ? packet.TRUNCATED_RESPONSE : 0;
  return packet.encode({ type: 'response', id, flags, questions, answers });
}

export function questionOf(bytes: Buffer): string {
  return packet.decode(bytes).questions?.[0]?.name ?? '.';
}

/** Answers each framed question of a stream with what `answer` makes of it. */
export function serveStream(socket: Socket, answer: (question: Buffer) => Buffer | undefined): void {
  const framer = new MessageFramer(65_535);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    for (const bytes of framer.push(chunk) ?? []) {
      const out = answer(bytes);
      if (out !== undefined) socket.write(frameMessage(out));
    }
  });
}

export async function startUpstream(options: UpstreamOptions): Promise<TestUpstream> {
  const { answer, ip = '127.0.0.1', truncates = false, isSilent } = options;
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    serveStream(socket, (bytes) => {
      asked.push(`${questionOf(bytes)} tcp`);
      return upstreamAnswer(bytes, answer);
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, ip, resolve));
  const bound = tcp.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    asked.push(`${questionOf(bytes)} udp`);
    if (isSilent?.() === true) return;
    udp.send(upstreamAnswer(bytes, answer, truncates), from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, ip, resolve));
  return {
    address: `${ip}:${port}`,
    port,
    asked,
    close: () => {
      udp.close();
      tcp.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
