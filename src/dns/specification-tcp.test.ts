// docs/dns-specification.md holds: what it says of clients that come by TCP, with sockets and with waits that are shorter than the page's.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIENT, questionOf, responderOfPage, rowsOf } from '../../test/support/dns-specification.ts';
import { eventually } from '../../test/support/eventually.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { parsePort } from '../base/port.ts';
import { frameMessage, MessageFramer } from './message-framer.ts';
import type { Responder } from './responder.ts';
import { openTcpServer, TCP_LIMITS, type TcpLimits } from './tcp-server.ts';

/** Ports of the loopback that other runs of this test hardly use. */
const PORT = 30_000 + (process.pid % 10_000);
const IDLE_MS = 300;
const IP = '127.0.0.1';

const lifetime = new Lifetime('TCP of the specification');
after(() => lifetime.close());
let servers = 0;

/** Names under slow.example.com are answered late. */
async function aServer(limits: Partial<TcpLimits> = {}): Promise<number> {
  const port = PORT + servers++;
  const quick = responderOfPage();
  const responder = {
    respond: async (bytes: Buffer) => {
      if (bytes.includes('slow')) await sleep(100);
      return quick.respond(bytes, CLIENT);
    },
  } as Pick<Responder, 'respond'>;
  const owner = { lifetime, onError: () => undefined, limits: { ...TCP_LIMITS, ...limits } };
  await openTcpServer({ ip: parseIp(IP), port: parsePort(port) }, responder, owner);
  return port;
}

interface Client {
  readonly socket: Socket;
  /** Ids of the answers that came, in their order. */
  readonly ids: number[];
  readonly ended: Promise<unknown>;
}

async function aClient(port: number, from = IP): Promise<Client> {
  const socket = connect({ host: IP, port, localAddress: from });
  const framer = new MessageFramer(65_535);
  const ids: number[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    for (const message of framer.push(chunk) ?? []) ids.push(message.readUInt16BE(0));
  });
  // However it ends: who still writes to a closed connection hears of a reset.
  const ended = new Promise((resolve) => socket.once('close', resolve));
  lifetime.defer('client', () => void socket.destroy());
  await once(socket, 'connect');
  return { socket, ids, ended };
}

function framed(name: string, id: number): Buffer {
  const bytes = questionOf(`${name} A`);
  bytes.writeUInt16BE(id, 0);
  return frameMessage(bytes);
}

const NAME = 'kubernetes.default.svc.cluster.local';

async function isServed({ socket, ids }: Client): Promise<void> {
  const id = ids.length + 1000;
  socket.write(framed(NAME, id));
  await eventually(() => ids.includes(id));
}

const ROWS: Readonly<Record<string, () => Promise<string>>> = {
  '200 questions at once': async () => {
    const { socket, ids } = await aClient(await aServer());
    socket.write(Buffer.concat(Array.from({ length: 200 }, (_, id) => framed(NAME, id))));
    await eventually(() => ids.length >= 200);
    return `${new Set(ids).size} answers`;
  },
  'a question whose answer takes long, and another': async () => {
    const { socket, ids } = await aClient(await aServer());
    socket.write(Buffer.concat([framed('slow.example.com', 1), framed(NAME, 2)]));
    await eventually(() => ids.length === 2);
    return ids.join() === '2,1' ? "the other's answer first" : ids.join();
  },
  'a message longer than 4096 octets': async () => {
    const { socket, ended } = await aClient(await aServer());
    socket.write(Buffer.from([0x10, 0x01]));
    await ended;
    return 'the connection ends';
  },
  'nothing for 10 seconds': async () => {
    await (
      await aClient(await aServer({ idleMs: IDLE_MS }))
    ).ended;
    return 'the connection ends';
  },
  'an octet now and then, no question in 10 seconds': async () => {
    const { socket, ids, ended } = await aClient(await aServer({ idleMs: IDLE_MS }));
    const octets = framed(NAME, 1);
    let sent = 0;
    const timer = setInterval(() => socket.write(octets.subarray(sent, ++sent)), IDLE_MS / 10);
    await ended;
    clearInterval(timer);
    assert.ok(sent < octets.length && ids.length === 0);
    return 'the connection ends';
  },
  'a question now and then': async () => {
    const client = await aClient(await aServer({ idleMs: IDLE_MS }));
    for (let i = 0; i < 5; i++) {
      await isServed(client);
      await sleep(IDLE_MS / 3);
    }
    return 'an answer each';
  },
  '65 connections': async () => {
    const port = await aServer();
    const clients: Client[] = [];
    for (let i = 0; i < 65; i++) clients.push(await aClient(port));
    await clients[64]?.ended;
    for (const client of clients.slice(0, 64)) await isServed(client);
    return 'the last one ends, 64 are served';
  },
  'connections of many clients, one more than 1024': async () => {
    const port = await aServer({ connections: 3 });
    const clients: Client[] = [];
    for (let i = 1; i <= 4; i++) clients.push(await aClient(port, `127.0.0.${i}`));
    await clients[3]?.ended;
    for (const client of clients.slice(0, 3)) await isServed(client);
    return 'the last one ends';
  },
};

test("the page's numbers are the server's", () => {
  const numbers = rowsOf('TCP')
    .map(([what = '']) => what)
    .join('\n');
  const { idleMs, connections, connectionsPerClient } = TCP_LIMITS;
  assert.match(numbers, new RegExp(`nothing for ${idleMs / 1000} seconds`));
  assert.match(numbers, new RegExp(`^${connectionsPerClient + 1} connections`, 'm'));
  assert.match(numbers, new RegExp(`one more than ${connections}$`, 'm'));
  assert.deepEqual(new Set(rowsOf('TCP').map(([what]) => what)), new Set(Object.keys(ROWS)));
});

for (const [what = '', expected] of rowsOf('TCP'))
  test(`TCP: ${what}`, async () => {
    assert.equal(await ROWS[what]?.(), expected);
  });
