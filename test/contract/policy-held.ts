// Connections that stand, with both ends in hand: what one end says, and whether the other one hears it.

import type { Socket as UdpSocket } from 'node:dgram';
import net from 'node:net';
import { familyOf } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { bindUdp, listenTcp, openTcp } from '../../src/sys/socket.ts';
import { scaledMs } from '../support/time-scale.ts';
import { adoptUdp, type Party } from './policy-prober.ts';

/** Where connections are held: nobody answers there but whoever holds them. */
export const HELD_PORT = 8080;

/** How long a word may take that is expected, and one that is not. */
const PATIENCE_MS = 3_000;
const SILENCE_MS = 300;

export interface HeldConnection {
  readonly name: string;
  /** Whether the end that was connected to hears all that the other one says, or any of it where nothing should be heard. `isExpected`: what should be heard is waited for longer. */
  ask(isExpected: boolean, text?: string): Promise<boolean>;
  /** The other way. */
  answer(isExpected: boolean, text?: string): Promise<boolean>;
}

export type HoldProtocol = 'TCP' | 'UDP';

/** Throws where the connection is not made, or carries nothing in either direction. */
export async function holdConnection(
  protocol: HoldProtocol,
  { from, to }: { readonly from: Party; readonly to: Party },
  lifetime: Lifetime,
): Promise<HeldConnection> {
  const ends = await (protocol === 'TCP' ? holdTcp(from, to, lifetime) : holdUdp(from, to, lifetime));
  const { asker, answerer } = ends;
  const name = `${protocol}${familyOf(from.ip)}`;
  const held: HeldConnection = {
    name,
    ask: (isExpected, text = 'ask') => isHeard({ say: asker.say, heard: answerer.heard, isExpected, text }),
    answer: (isExpected, text = 'answer') =>
      isHeard({ say: answerer.say, heard: asker.heard, isExpected, text }),
  };
  if (!(await held.ask(true)) || !(await held.answer(true)))
    throw new Error(`Cannot hold ${name} from ${from.ip} to ${to.ip}: it carries nothing`);
  return held;
}

/** One end: says something, and knows how many characters it has heard. */
interface End {
  readonly say: (text: string) => void;
  readonly heard: () => number;
}

interface Ends {
  readonly asker: End;
  readonly answerer: End;
}

interface Word extends End {
  readonly isExpected: boolean;
  readonly text: string;
}

async function isHeard({ say, heard, isExpected, text }: Word): Promise<boolean> {
  const before = heard();
  const until = Date.now() + (isExpected ? scaledMs(PATIENCE_MS) : SILENCE_MS);
  say(text);
  while (heard() < before + text.length && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return heard() >= before + (isExpected ? text.length : 1);
}

async function holdTcp(from: Party, to: Party, lifetime: Lifetime): Promise<Ends> {
  const server = net.createServer();
  // Several wait at one port in turn: each takes the one connection that is its own.
  const fd = listenTcp(to.netns, { ip: to.ip, port: HELD_PORT });
  await new Promise<void>((resolve) => server.listen({ fd }, resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const asker = new net.Socket({ fd: openTcp(from.netns, familyOf(from.ip)) });
  lifetime.defer('connection', () => void asker.destroy());
  const isConnected = Promise.race([
    new Promise<void>((resolve, reject) => {
      asker.once('error', reject);
      asker.connect({ host: to.ip, port: HELD_PORT, localAddress: from.ip }, resolve);
    }),
    isLate(`connect to ${to.ip}`),
  ]);
  // What is still in the queue of a server that closes is nobody's: both ends are waited for.
  const [, answerer] = await Promise.all([
    isConnected,
    Promise.race([accepted, isConnected.then(() => isLate('accept a connection'))]),
  ]).finally(() => server.close());
  lifetime.defer('accepted connection', () => void answerer.destroy());
  return { asker: streamEnd(asker), answerer: streamEnd(answerer) };
}

/** Rejects when everybody's patience is over. */
function isLate(action: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`Cannot ${action}`)), scaledMs(PATIENCE_MS)).unref();
  });
}

function streamEnd(socket: net.Socket): End {
  let heard = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => (heard += data.length));
  return { say: (text) => void socket.write(text), heard: () => heard };
}

async function holdUdp(from: Party, to: Party, lifetime: Lifetime): Promise<Ends> {
  const [asker, answerer] = await Promise.all([
    adoptUdp(bindUdp(from.netns, { ip: from.ip, port: 0 }), from.ip),
    adoptUdp(bindUdp(to.netns, { ip: to.ip, port: HELD_PORT }, { isShared: true }), to.ip),
  ]);
  lifetime.defer('asker', () => void asker.close());
  lifetime.defer('answerer', () => void answerer.close());
  await new Promise<void>((resolve) => answerer.connect(asker.address().port, from.ip, resolve));
  return {
    asker: datagramEnd(asker, (text) => asker.send(text, HELD_PORT, to.ip, () => undefined)),
    answerer: datagramEnd(answerer, (text) => answerer.send(text, () => undefined)),
  };
}

function datagramEnd(socket: UdpSocket, say: (text: string) => void): End {
  let heard = 0;
  socket.on('message', (data) => (heard += data.length));
  return { say, heard: () => heard };
}
