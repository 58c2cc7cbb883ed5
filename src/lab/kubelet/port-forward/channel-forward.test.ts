// port-forward in the channels of a WebSocket, with servers of this process in the place of pods.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { eventually } from '../../../../test/support/eventually.ts';
import { ForwardRig } from '../../../../test/support/forward-rig.ts';

const rig = new ForwardRig({ pingMs: 200, pairTimeoutMs: 300 });
const { connections } = rig;

before(() => rig.open());
after(() => rig.close());

interface ChannelClient {
  readonly socket: WebSocket;
  /** All of a channel: its first two octets name the port. */
  readonly of: (channel: number) => Buffer;
  readonly messages: (channel: number) => number;
  readonly send: (channel: number, bytes: Uint8Array | string) => void;
  readonly closed: Promise<void>;
}

async function open(query: string): Promise<ChannelClient> {
  const { socketPath, path } = rig.call;
  const socket = new WebSocket(`ws+unix://${socketPath}:${path}?${query}`, 'v4.channel.k8s.io');
  const parts: Buffer[][] = [];
  socket.on('message', (message: Buffer) => (parts[message[0] ?? 0] ??= []).push(message.subarray(1)));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  await once(socket, 'open');
  return {
    socket,
    of: (channel) => Buffer.concat(parts[channel] ?? []),
    messages: (channel) => parts[channel]?.length ?? 0,
    send: (channel, bytes) => socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(bytes)])),
    closed,
  };
}

function named(port: number): Buffer {
  return Buffer.from([port & 255, port >> 8]);
}

test('each port has a connection of its own, and both of its channels begin with the port', async () => {
  rig.serve = (socket) => socket.pipe(socket);
  const client = await open(`port=${rig.port}&port=${rig.port},1`);
  const [one, other] = [randomBytes(300_000), randomBytes(300_000)];
  for (let at = 0; at < 300_000; at += 30_000) {
    client.send(0, one.subarray(at, at + 30_000));
    client.send(2, other.subarray(at, at + 30_000));
  }
  await eventually(() => client.of(0).length === 300_002 && client.of(2).length === 300_002);
  assert.deepEqual(client.of(0), Buffer.concat([named(rig.port), one]));
  assert.deepEqual(client.of(2), Buffer.concat([named(rig.port), other]));
  assert.deepEqual(client.of(1), named(rig.port));
  await eventually(() => client.of(5).length > 2);
  assert.match(
    client.of(5).subarray(2).toString(),
    /^error forwarding port 1 to pod web_default: .*ECONNREFUSED/,
  );
  assert.equal(connections.size, 2);
  client.socket.close();
  await eventually(() => connections.size === 0);
});

test('the end of the last connection is the end of the WebSocket', async () => {
  rig.serve = (socket) => socket.end('bye').resume();
  const client = await open(`port=${rig.port}`);
  await client.closed;
  assert.equal(client.of(0).subarray(2).toString(), 'bye');
  assert.deepEqual([client.of(1).length, client.messages(1)], [2, 1]);
});

test('a server in the pod that reads nothing makes the client wait', async () => {
  rig.serve = (socket) => socket.pause();
  const client = await open(`port=${rig.port}`);
  const piece = Buffer.alloc(65_536);
  let sent = 0;
  await eventually(async () => {
    while (client.socket.bufferedAmount < 64 * piece.length) {
      client.send(0, piece);
      sent += piece.length;
    }
    const before = client.socket.bufferedAmount;
    await delay(200);
    return client.socket.bufferedAmount === before;
  });
  assert.ok(sent < 16_000_000, `${sent} bytes were taken`);
  client.socket.terminate();
  await eventually(() => connections.size === 0);
});

test('a client that reads nothing makes the server in the pod wait', async () => {
  const standsStill = rig.flood();
  const client = await open(`port=${rig.port}`);
  client.socket.pause();
  const sent = await standsStill();
  assert.ok(sent < 16_000_000, `${sent} bytes were taken`);
  client.socket.terminate();
  await eventually(() => connections.size === 0);
});

test('messages of no channel are dropped, and ports that are none are refused', async () => {
  rig.serve = (socket) => socket.pipe(socket);
  const client = await open(`port=${rig.port}`);
  client.send(7, 'nobody hears it');
  client.socket.send(Buffer.alloc(0));
  client.send(0, 'still here');
  await eventually(() => client.of(0).subarray(2).toString() === 'still here');
  client.socket.terminate();
  const many = Array.from({ length: 129 }, () => 'port=80').join('&');
  for (const query of ['', 'port=', 'port=0', 'port=65536', 'port=http', 'port=80,', many]) {
    await assert.rejects(open(query), /Unexpected server response: 400/, query);
  }
});
