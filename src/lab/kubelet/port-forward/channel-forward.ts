// port-forward in the channels of a WebSocket: the request names ports, and port n of them has one connection with two channels, 2n for its
// bytes and 2n + 1 for what went wrong. The first message of either names the port, in two octets of little endian. Clients cannot end
// one connection alone: they hang up.

import { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { ReadGate } from '../exec/read-gate.ts';
import { hangUp, sendOn } from '../exec/websocket-channels.ts';
import { forward } from './forwarded-connection.ts';
import type { PortForwardOptions } from './port-forward-session.ts';

export const CHANNELS_PROTOCOL = 'v4.channel.k8s.io';
/** The number of a channel is one octet. */
const MAX_PORTS = 128;

/** Ports of a request in their order, from `port` as often as wanted, commas too; undefined where there is none, too many, or one that is no port. */
export function portsOf(query: URLSearchParams): readonly number[] | undefined {
  const texts = query.getAll('port').flatMap((it) => it.split(','));
  const ports = texts.map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : 0));
  const isGood = ports.length > 0 && ports.length <= MAX_PORTS && ports.every((it) => it > 0 && it < 65_536);
  return isGood ? ports : undefined;
}

interface Channels {
  readonly socket: WebSocket;
  /** What the WebSocket goes over. */
  readonly connection: Duplex;
  readonly ports: readonly number[];
}

/** Serves until every connection has ended, or the client hangs up. */
export function serveChannels(
  { socket, connection, ports }: Channels,
  { connect, podText, pingMs }: PortForwardOptions,
): void {
  const gate = new ReadGate(socket);
  const channels = ports.flatMap((port, i) => {
    const pair = [new Channel(socket, 2 * i, gate), new Channel(socket, 2 * i + 1, gate)];
    for (const it of pair) it.write(littleEndian(port));
    return pair;
  });
  socket.on('message', (message: Buffer) => {
    const number = message[0];
    if (number !== undefined) channels[number]?.feed(message.subarray(1));
  });
  // A broken connection is closed by the library, which is what counts.
  socket.on('error', () => undefined);
  const beat = setInterval(() => socket.ping(), pingMs);
  socket.on('close', () => {
    clearInterval(beat);
    for (const channel of channels) channel.destroy();
  });
  const ends = ports.map(async (port, i) => {
    const [data, error] = channels.slice(2 * i);
    if (data === undefined || error === undefined) return;
    await forward({ port, data, error }, connect, podText);
    await Promise.allSettled([finished(data, { readable: false }), finished(error, { readable: false })]);
  });
  void Promise.all(ends).then(() => hangUp(socket, connection));
}

class Channel extends Duplex {
  readonly #socket: WebSocket;
  readonly #number: number;
  readonly #gate: ReadGate;

  constructor(socket: WebSocket, number: number, gate: ReadGate) {
    super();
    this.#socket = socket;
    this.#number = number;
    this.#gate = gate;
    this.on('close', () => gate.release(this));
  }

  feed(body: Buffer): void {
    if (this.destroyed || body.length === 0) return;
    if (!this.push(body)) this.#gate.block(this);
  }

  override _read(): void {
    this.#gate.release(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // An empty message is an empty error to some clients.
    if (chunk.length === 0) done();
    // What cannot be sent any more is told by the end of the WebSocket.
    else sendOn(this.#socket, this.#number, chunk, () => done());
  }
}

function littleEndian(port: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16LE(port);
  return octets;
}
