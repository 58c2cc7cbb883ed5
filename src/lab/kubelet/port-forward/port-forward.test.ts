// port-forward in both of its forms, with servers of this process in the place of pods: bytes, ends, refusals, bounds, and clients that
// misbehave.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../../test/support/eventually.ts';
import type { SpdyExecClient } from '../../../../test/support/exec-client.ts';
import { ForwardRig } from '../../../../test/support/forward-rig.ts';
import { connectPortForward, ForwardedPort } from '../../../../test/support/port-forward-client.ts';

const PAIR_TIMEOUT_MS = 300;
const rig = new ForwardRig({ pingMs: 200, pairTimeoutMs: PAIR_TIMEOUT_MS });
const { call, connections } = rig;

before(() => rig.open());
after(() => rig.close());

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function resets(client: SpdyExecClient): readonly number[] {
  return client.frames.flatMap((it) => (it.kind === 'rst-stream' ? [it.streamId] : []));
}

for (const form of ['SPDY', 'WebSocket'] as const) {
  describe(`port-forward over ${form}`, () => {
    test('many connections at once have each their own bytes', async () => {
      rig.serve = (socket) => socket.pipe(socket);
      const client = await connectPortForward(form, call);
      const sent = Array.from({ length: 24 }, () => randomBytes(200_000));
      const ports = sent.map((_, i) => new ForwardedPort(client, rig.port, i));
      for (let at = 0; at < 200_000; at += 20_000) {
        for (const [i, bytes] of sent.entries()) ports[i]?.write(bytes.subarray(at, at + 20_000));
      }
      for (const it of ports) it.end();
      const got = await Promise.all(ports.map((it) => it.ended()));
      assert.deepEqual(got.map(hash), sent.map(hash));
      assert.deepEqual(
        await Promise.all(ports.map((it) => it.error())),
        ports.map(() => ''),
      );
      client.vanish();
    });

    test('a client that has said all is still answered', async () => {
      rig.serve = (socket) =>
        void socket.on('end', () => setTimeout(() => socket.end('late answer'), 1500)).resume();
      const client = await connectPortForward(form, call);
      const one = new ForwardedPort(client, rig.port, 0);
      one.write('question');
      one.end();
      assert.equal((await one.ended()).toString(), 'late answer');
      assert.equal(await one.error(), '');
      client.vanish();
    });

    test('a server that has said all ends the connection for a client that does not', async () => {
      rig.serve = (socket) => socket.end('bye').resume();
      const client = await connectPortForward(form, call);
      const one = new ForwardedPort(client, rig.port, 0);
      assert.equal((await one.ended()).toString(), 'bye');
      assert.equal(await one.error(), '');
      await eventually(() => connections.size === 0);
      client.vanish();
    });

    test('a port on which nobody listens is told on the error stream, and the session goes on', async () => {
      rig.serve = (socket) => socket.pipe(socket);
      const client = await connectPortForward(form, call);
      const none = new ForwardedPort(client, 1, 0);
      assert.match(await none.error(), /^error forwarding port 1 to pod web_default: .*ECONNREFUSED/);
      await none.ended();
      const one = new ForwardedPort(client, rig.port, 1);
      one.write('still here');
      one.end();
      assert.equal((await one.ended()).toString(), 'still here');
      client.vanish();
    });

    test('a reset stream ends its connection alone, the session all of them', async () => {
      rig.serve = () => undefined;
      const client = await connectPortForward(form, call);
      const ports = [0, 1, 2].map((it) => new ForwardedPort(client, rig.port, it));
      await eventually(() => connections.size === 3);
      ports[0]?.reset();
      await eventually(() => connections.size === 2);
      client.vanish();
      await eventually(() => connections.size === 0);
    });

    test('a client that reads nothing makes the server in the pod wait', async () => {
      const standsStill = rig.flood();
      const client = await connectPortForward(form, call);
      client.pause();
      const one = new ForwardedPort(client, rig.port, 0);
      const sent = await standsStill();
      assert.ok(sent < 16_000_000, `${sent} bytes were taken`);
      client.resume();
      await eventually(() => one.data.length > sent);
      client.vanish();
    });

    test('a server in the pod that reads nothing makes the client wait', async () => {
      rig.serve = (socket) => socket.pause();
      const client = await connectPortForward(form, call);
      const one = new ForwardedPort(client, rig.port, 0);
      const piece = Buffer.alloc(32_768);
      let sent = 0;
      await eventually(async () => {
        while (one.write(piece)) sent += piece.length;
        await delay(100);
        return !one.write(piece);
      });
      assert.ok(sent < 16_000_000, `${sent} bytes were taken`);
      client.vanish();
      await eventually(() => connections.size === 0);
    });
  });
}

describe('port-forward clients that behave otherwise', () => {
  const open = (client: SpdyExecClient, name: string, headers: Record<string, string>): number =>
    client.open(name, new Map(Object.entries(headers)));

  test('streams of no port, no type, or a type that its request has already are reset', async () => {
    const client = await connectPortForward('SPDY', call);
    const wrong = [
      open(client, 'a', { streamtype: 'data', requestid: '1' }),
      open(client, 'b', { streamtype: 'data', requestid: '1', port: '70000' }),
      open(client, 'c', { streamtype: 'data', requestid: '1', port: '1e3' }),
      open(client, 'd', { streamtype: 'other', requestid: '1', port: '80' }),
    ];
    const good = open(client, 'e', { streamtype: 'data', requestid: '1', port: '80' });
    wrong.push(open(client, 'f', { streamtype: 'data', requestid: '1', port: '80' }));
    wrong.push(open(client, 'g', { streamtype: 'error', requestid: '1', port: '81' }));
    await eventually(() => resets(client).length === wrong.length);
    assert.deepEqual(resets(client), wrong);
    // The other half of a pair is not waited for without end.
    await eventually(() => resets(client).includes(good));
    client.vanish();
  });

  test('a client of old that names no request has its pairs by the order of streams', async () => {
    rig.serve = (socket) => socket.pipe(socket);
    const client = await connectPortForward('SPDY', call);
    open(client, 'error', { streamtype: 'error', port: String(rig.port) });
    open(client, 'data', { streamtype: 'data', port: String(rig.port) });
    client.data('data', Buffer.from('old'), true);
    await eventually(() => client.received('data').toString() === 'old');
    client.vanish();
  });

  test('an error stream without its other half is told so', async () => {
    const client = await connectPortForward('SPDY', call);
    open(client, 'error', { streamtype: 'error', port: '80', requestid: '7' });
    await eventually(() => /timed out waiting/.test(client.received('error').toString()));
    client.vanish();
  });

  test('streams without end are refused, and the ones that stand go on', async () => {
    rig.serve = (socket) => socket.pipe(socket);
    const client = await connectPortForward('SPDY', call);
    const one = new ForwardedPort(client, rig.port, 0);
    for (let i = 1; i < 3000; i++) {
      open(client, `more ${i}`, { streamtype: 'error', port: '80', requestid: String(i) });
    }
    await eventually(() => resets(client).length >= 2000);
    assert.ok(client.frames.some((it) => it.kind === 'rst-stream' && it.status === 3));
    one.write('still here');
    one.end();
    assert.equal((await one.ended()).toString(), 'still here');
    client.vanish();
    await eventually(() => connections.size === 0);
  });

  test('headers of the largest size on every stream end the session or are taken, and the server lives', async () => {
    const client = await connectPortForward('SPDY', call);
    const long = randomBytes(20_000).toString('hex');
    for (let i = 0; i < 600; i++) {
      open(client, `long ${i}`, { streamtype: 'data', port: '80', requestid: `${i} ${long}` });
    }
    await eventually(() => client.socket.destroyed || resets(client).length > 0);
    client.vanish();
    const next = await connectPortForward('SPDY', call);
    next.send({ kind: 'ping', id: 1 });
    await eventually(() => next.frames.some((it) => it.kind === 'ping'));
    next.vanish();
  });

  test('another protocol is refused in plain HTTP', async () => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-protocol': 'v3.channel.k8s.io',
    };
    const request = http.get({ ...call, headers, agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    assert.equal(response.statusCode, 400);
    response.resume();
  });
});
