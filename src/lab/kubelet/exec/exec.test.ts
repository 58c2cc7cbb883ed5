// exec over both of its protocols, with plain processes in the place of containers: streams, ends, bounds, and clients that misbehave.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  connectSpdy,
  openSpdyExec,
  openWebSocketExec,
  type ExecCall,
  type ExecClient,
  type SpdyExecClient,
} from '../../../../test/support/exec-client.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import type { SpdyFrame } from '../../../wire/spdy/frame.ts';
import { ExecDoor } from './exec-door.ts';

const folder = mkdtempSync('/tmp/t-exec-');
const socketPath = `${folder}/kubelet.sock`;
const door = new ExecDoor({ pingMs: 200 });
const server = http.createServer();
/** What the next exec runs: a shell script; an Error is thrown instead. */
let script: string | Error = 'true';
let child: ChildProcess | undefined;

server.on('upgrade', (request, socket, head) =>
  door.upgrade(request, { socket, head }, () => {
    if (script instanceof Error) return Promise.reject(script);
    child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    return Promise.resolve(child);
  }),
);
before(async () => {
  server.listen(socketPath);
  await once(server, 'listening');
});
after(() => {
  door.close();
  server.close();
  rmSync(folder, { recursive: true });
});

const OPENERS: readonly (readonly [string, (call: ExecCall) => Promise<ExecClient>])[] = [
  ['WebSocket', openWebSocketExec],
  ['SPDY', openSpdyExec],
];

interface Ended {
  readonly status: string;
  readonly message?: string;
  readonly details?: { readonly causes: readonly { readonly message: string }[] };
}

for (const [name, open] of OPENERS) {
  describe(`exec over ${name}`, () => {
    const run = (text: string | Error, call: Partial<ExecCall> = {}): Promise<ExecClient> => {
      script = text;
      return open({ socketPath, ...call });
    };
    const statusOf = (client: ExecClient): Ended => JSON.parse(client.error()) as Ended;

    test('both outputs and the exit code come before the connection ends', async () => {
      const client = await run('echo out; echo err >&2; exit 7');
      await client.closed;
      assert.equal(client.stdout().toString(), 'out\n');
      assert.equal(client.stderr().toString(), 'err\n');
      assert.equal(statusOf(client).details?.causes[0]?.message, '7');
      const good = await run('true');
      await good.closed;
      assert.equal(statusOf(good).status, 'Success');
    });

    test('megabytes through standard input and back, ended by its end', async () => {
      const bytes = randomBytes(3_000_000);
      const client = await run('cat', { stdin: true });
      for (let at = 0; at < bytes.length; at += 32_768) client.write(bytes.subarray(at, at + 32_768));
      client.endStdin();
      await client.closed;
      assert.equal(hash(client.stdout()), hash(bytes));
      assert.equal(statusOf(client).status, 'Success');
    });

    test('without standard input the process reads its end at once', async () => {
      const client = await run('cat; echo done');
      await client.closed;
      assert.equal(client.stdout().toString(), 'done\n');
    });

    test('a program that reads no input makes the client wait, not the server grow', async () => {
      const client = await run('exec sleep 1000', { stdin: true });
      const piece = Buffer.alloc(32_768);
      let sent = 0;
      await eventually(async () => {
        while (client.write(piece)) sent += piece.length;
        await delay(20);
        return !client.write(piece);
      });
      assert.ok(sent < 4_000_000, `${sent} bytes were taken`);
      // Nothing is read from the client any more: that it has gone is noticed by what is written to it.
      const ended = once(child as ChildProcess, 'exit');
      client.vanish();
      assert.deepEqual(await ended, [null, 'SIGKILL']);
    });

    test('a program that ends while input is still coming', async () => {
      const client = await run('head -c 10 > /dev/null; exit 4', { stdin: true });
      const piece = Buffer.alloc(32_768);
      for (let i = 0; i < 60; i++) client.write(piece);
      await client.closed;
      assert.equal(statusOf(client).details?.causes[0]?.message, '4');
    });

    test('a client that reads nothing makes the program wait, and loses nothing', async () => {
      const client = await run('head -c 8000000 /dev/zero; echo end >&2');
      client.pause();
      await delay(300);
      assert.equal(child?.exitCode, null, 'the program ran to its end');
      client.resume();
      await client.closed;
      assert.equal(client.stdout().length, 8_000_000);
      assert.equal(client.stderr().toString(), 'end\n');
    });

    test('the process dies with its client', async () => {
      const client = await run('echo up; exec sleep 1000', { stdin: true });
      await eventually(() => client.stdout().length > 0);
      const ended = once(child as ChildProcess, 'exit');
      client.vanish();
      assert.deepEqual(await ended, [null, 'SIGKILL']);
    });

    test('sizes of the terminal reach the launcher, nonsense does not', async () => {
      const client = await run('head -n 2 <&3', { tty: true, stdin: true });
      client.resize(80, 24);
      client.resize(-1, 24);
      client.resize(100, 70_000);
      client.resize(101, 41);
      await client.closed;
      assert.equal(client.stdout().toString(), '80 24\n101 41\n');
    });

    test('what cannot be started says why', async () => {
      const refused = await run(new Error('container is not running'));
      await refused.closed;
      assert.match(statusOf(refused).message ?? '', /error executing command in container: container is not/);
      const reason = await run('echo "exec: no such file" >&4; exit 126');
      await reason.closed;
      assert.match(statusOf(reason).message ?? '', /exec: no such file/);
    });
  });
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function kindsOf(client: SpdyExecClient): readonly SpdyFrame['kind'][] {
  return client.frames.map((it) => it.kind);
}

describe('SPDY protocols of Kubernetes', () => {
  test('the first one of the client that is known here is chosen; none is refused', async () => {
    script = 'exit 3';
    const both = await openSpdyExec({ socketPath, protocol: 'v9.channel.k8s.io, v5.channel.k8s.io' });
    await both.closed;
    assert.match(both.error(), /"ExitCode"/);
    const none = connectSpdy({ socketPath, protocol: 'v9.channel.k8s.io' });
    await assert.rejects(none, /403 unable to negotiate protocol: client supports v9/);
  });

  test('v3 and v2 say in a sentence how it ended, v2 knows no sizes', async () => {
    script = 'exit 3';
    const three = await openSpdyExec({ socketPath, protocol: 'v3.channel.k8s.io' });
    await three.closed;
    assert.equal(three.error(), 'command terminated with non-zero exit code: exit status 3');
    script = 'true';
    const two = await openSpdyExec({ socketPath, protocol: 'v2.channel.k8s.io', tty: true });
    await two.closed;
    assert.equal(two.error(), '');
  });

  test('a session ends with GOAWAY, after the end of every stream that was written to', async () => {
    script = 'echo x';
    const client = await openSpdyExec({ socketPath });
    await client.closed;
    const ends = client.frames.flatMap((it) => (it.kind === 'data' && it.isFin ? [it.streamId] : []));
    assert.deepEqual(new Set(ends), new Set(['error', 'stdout', 'stderr'].map((it) => client.idOf(it))));
    assert.deepEqual(client.frames.at(-1), { kind: 'go-away', lastStreamId: 5, status: 0 });
  });
});

describe('SPDY clients that behave otherwise', () => {
  const connect = (): Promise<SpdyExecClient> => connectSpdy({ socketPath });

  test('pings are answered, answers to none are not', async () => {
    const client = await connect();
    client.send({ kind: 'ping', id: 77 });
    client.send({ kind: 'ping', id: 2 });
    client.send({ kind: 'ping', id: 79 });
    await eventually(() => client.frames.length >= 2);
    assert.deepEqual(client.frames, [
      { kind: 'ping', id: 77 },
      { kind: 'ping', id: 79 },
    ]);
    client.vanish();
  });

  test('who counts windows gets no byte more than they allow', async () => {
    script = 'head -c 100000 /dev/zero';
    const client = await connect();
    client.send({ kind: 'settings', settings: new Map([[7, 1000]]) });
    for (const channel of ['error', 'stdout', 'stderr']) client.open(channel);
    await eventually(() => client.stdout().length >= 1000);
    await delay(100);
    assert.equal(client.stdout().length, 1000);
    const streamId = client.idOf('stdout');
    client.send({ kind: 'window-update', streamId, delta: 500 });
    await eventually(() => client.stdout().length === 1500);
    client.send({ kind: 'window-update', streamId, delta: 200_000 });
    // The session's window holds the rest back.
    await eventually(() => client.stdout().length === 65_536);
    client.send({ kind: 'window-update', streamId: 0, delta: 100_000 });
    await client.closed;
    assert.equal(client.stdout().length, 100_000);
    assert.match(client.error(), /Success/);
  });

  test('what is consumed of standard input is announced, for the stream and the session', async () => {
    script = 'cat > /dev/null';
    const client = await openSpdyExec({ socketPath, stdin: true });
    client.write(Buffer.alloc(60_000));
    const updates = (): readonly SpdyFrame[] => client.frames.filter((it) => it.kind === 'window-update');
    await eventually(() => updates().length === 2);
    const ids = updates().map((it) => (it.kind === 'window-update' ? it.streamId : -1));
    assert.deepEqual(new Set(ids), new Set([0, client.idOf('stdin')]));
    client.endStdin();
    await client.closed;
  });

  test('standard input that is reset ends, and the process goes on to its own end', async () => {
    script = 'cat; echo after; exit 5';
    const client = await openSpdyExec({ socketPath, stdin: true });
    client.write(Buffer.from('some '));
    await eventually(() => client.stdout().length > 0);
    client.send({ kind: 'rst-stream', streamId: client.idOf('stdin'), status: 5 });
    await client.closed;
    assert.equal(client.stdout().toString(), 'some after\n');
    assert.match(client.error(), /exit status 5/);
  });

  test('streams of no known type or twice the same end the session, more than the limit are refused', async () => {
    for (const channel of ['strange', 'error']) {
      const client = await connect();
      client.open('error');
      client.open(channel);
      await client.closed;
      assert.equal(client.frames.at(-1)?.kind, 'go-away');
    }
    script = 'exec sleep 1000';
    const many = await openSpdyExec({ socketPath });
    for (let i = 0; i < 20; i++) many.open('more');
    await eventually(() => kindsOf(many).includes('rst-stream'));
    many.vanish();
  });

  test('garbage, wrong ids and data for streams that never were', async () => {
    const garbage = await connect();
    garbage.socket.write('GET / HTTP/1.1\r\n'.repeat(100));
    garbage.socket.write(randomBytes(100_000));
    const bad = await connect();
    bad.socket.write(Buffer.from('8003000100ffffff', 'hex'));
    const even = await connect();
    even.send({ kind: 'rst-stream', streamId: 4, status: 1 });
    even.send({ kind: 'data', streamId: 9, bytes: Buffer.from('x'), isFin: false });
    await eventually(() => kindsOf(even).includes('rst-stream'));
    const head = { associatedId: 0, priority: 0, headers: new Map(), isFin: false, isUnidirectional: false };
    even.send({ kind: 'syn-stream', streamId: 2, ...head });
    await Promise.all([bad.closed, even.closed]);
    garbage.vanish();
  });

  test('a flood of questions whose answers nobody reads is cut off', async () => {
    const client = await connect();
    client.pause();
    const flood = Buffer.concat(
      Array.from({ length: 10_000 }, () => Buffer.from('800300060000000400000001', 'hex')),
    );
    let isCut = false;
    client.socket.once('close', () => (isCut = true));
    for (let i = 0; i < 200 && !isCut; i++) {
      client.socket.write(flood);
      await delay(5);
    }
    client.resume();
    await client.closed;
    assert.ok(isCut);
  });
});

test('a WebSocket ends with its connection, whether or not the client says goodbye', async () => {
  script = 'echo said';
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-protocol': 'v4.channel.k8s.io',
  };
  const path = '/exec/default/pod/main?command=x&stdout=true';
  const request = http.get({ socketPath, path, headers, agent: false });
  const [, socket, head] = (await once(request, 'upgrade')) as [unknown, Duplex, Buffer];
  const parts = [head];
  socket.on('data', (part: Buffer) => parts.push(part));
  let isEnded = false;
  socket.on('end', () => (isEnded = true));
  await eventually(() => isEnded);
  assert.match(Buffer.concat(parts).toString(), /said[^]*"status":"Success"/);
  socket.destroy();
});
