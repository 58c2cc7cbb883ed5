// Frames of `kubectl exec` in any order and form, over real connections of both protocols to a real process: the process gets
// exactly the octets of the standard input channel up to its end, and nothing stops the session from coming to its Status.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { ExecDoor } from '../../src/lab/kubelet/exec/exec-door.ts';
import { MAX_FRAME_BYTES } from '../../src/lab/kubelet/exec/websocket-channels.ts';
import type { SpdyFrame } from '../../src/wire/spdy/frame.ts';
import { openSpdyExec } from '../support/exec-client.ts';

const STDIN = 0;
const STDOUT = 1;
const ERROR = 3;
const CLOSE = 255;
const END_STDIN = Buffer.from([CLOSE, STDIN]);

const folder = mkdtempSync('/tmp/t-fuzz-exec-');
const socketPath = `${folder}/kubelet.sock`;
const server = http.createServer();
const door = new ExecDoor();

before(async () => {
  server.on('upgrade', (request, socket, head) =>
    // Descriptors 3 and 4 are those of the launcher: window sizes in, the reason of a failed start out.
    door.upgrade(request, { socket, head }, () =>
      Promise.resolve(spawn('cat', [], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] })),
    ),
  );
  server.listen(socketPath);
  await once(server, 'listening');
});
after(() => {
  door.close();
  server.close();
  rmSync(folder, { recursive: true });
});

function openSocket(): WebSocket {
  return new WebSocket(`ws+unix://${socketPath}:/exec/a/b/c?stdin=1&stdout=1&stderr=1`, 'v5.channel.k8s.io');
}

interface Heard {
  readonly stdout: Buffer;
  readonly status: unknown;
}

async function session(frames: readonly (Buffer | string)[]): Promise<Heard> {
  const socket = openSocket();
  const stdout: Buffer[] = [];
  let status: unknown;
  socket.on('message', (data: Buffer) => {
    if (data[0] === STDOUT) stdout.push(data.subarray(1));
    if (data[0] === ERROR) status = JSON.parse(data.subarray(1).toString());
  });
  await once(socket, 'open');
  for (const frame of frames) socket.send(frame);
  socket.send(END_STDIN);
  await once(socket, 'close');
  return { stdout: Buffer.concat(stdout), status };
}

/** What the program must read: everything on channel 0 before the first end of it. */
function inputOf(frames: readonly (Buffer | string)[]): Buffer {
  const bytes = frames.map((it) => Buffer.from(it));
  const end = bytes.findIndex((it) => it[0] === CLOSE && it[1] === STDIN);
  const before = end === -1 ? bytes : bytes.slice(0, end);
  return Buffer.concat(before.filter((it) => it[0] === STDIN).map((it) => it.subarray(1)));
}

const octets = fc.uint8Array({ maxLength: 300 }).map((it) => Buffer.from(it));
const frame = fc.oneof(
  { weight: 4, arbitrary: octets.map((it) => Buffer.concat([Buffer.from([STDIN]), it])) },
  { weight: 2, arbitrary: octets },
  { weight: 1, arbitrary: fc.constant(END_STDIN) },
  { weight: 1, arbitrary: fc.jsonValue().map((it) => Buffer.from(`\u0004${JSON.stringify(it)}`)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\u0004{"Width":80,"Height":24}', '\u0004{"Width":1e99}', '\u0000text', ''),
  },
);

test('any frames: the program reads channel 0 and nothing else, and its end is told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 12 }), async (frames) => {
      const { stdout, status } = await session(frames);
      assert.deepEqual(stdout, inputOf(frames));
      assert.equal((status as { status?: string } | undefined)?.status, 'Success');
    }),
    { numRuns: 60 },
  );
});

test('a frame over the bound ends the session, not the server', async () => {
  const socket = openSocket();
  await once(socket, 'open');
  socket.send(Buffer.alloc(MAX_FRAME_BYTES + 1));
  const [code] = (await once(socket, 'close')) as [number];
  assert.equal(code, 1009);
  assert.deepEqual((await session([Buffer.from('\u0000still here')])).stdout.toString(), 'still here');
});

/** Frames on the streams of an exec (1 error, 3 stdin, 5 stdout, 7 stderr) and on others; none that is a violation of the protocol. */
const streamId = fc.oneof({ weight: 4, arbitrary: fc.constant(3) }, fc.constantFrom(1, 5, 7, 9, 11));
const spdyFrame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('data' as const), streamId, bytes: octets, isFin: rarely() }),
  },
  fc.record({
    kind: fc.constant('headers' as const),
    streamId,
    headers: fc
      .dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string())
      .map((it) => new Map(Object.entries(it))),
    isFin: rarely(),
  }),
  fc.record({ kind: fc.constant('ping' as const), id: fc.nat() }),
  fc.record({
    kind: fc.constant('window-update' as const),
    streamId,
    delta: fc.integer({ min: 1, max: 70_000 }),
  }),
  fc.record({
    kind: fc.constant('settings' as const),
    settings: fc
      .tuple(fc.nat({ max: 12 }), fc.integer({ min: 10_000, max: 90_000 }))
      .map((it) => new Map([it])),
  }),
  fc.constant<SpdyFrame>({ kind: 'go-away', lastStreamId: 0, status: 0 }),
  fc.record({
    kind: fc.constant('rst-stream' as const),
    streamId: fc.constantFrom(3, 9, 11),
    status: fc.nat(),
  }),
);

function rarely(): fc.Arbitrary<boolean> {
  return fc.nat({ max: 9 }).map((it) => it === 0);
}

/** What the program must read: data of stream 3 up to its end or reset. */
function spdyInputOf(frames: readonly SpdyFrame[]): Buffer {
  const own = frames.filter((it) => 'streamId' in it && it.streamId === 3);
  const end = own.findIndex((it) => it.kind === 'rst-stream' || ('isFin' in it && it.isFin));
  const read = end === -1 ? own : own.slice(0, end + 1);
  return Buffer.concat(read.flatMap((it) => (it.kind === 'data' ? [it.bytes] : [])));
}

test('any frames of SPDY: the program reads stream stdin and nothing else, and its end is told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spdyFrame, { maxLength: 12 }), async (frames) => {
      const client = await openSpdyExec({ socketPath, stdin: true });
      for (const frame of frames) client.send(frame);
      client.endStdin();
      await client.closed;
      const isReset = frames.some((it) => it.kind === 'rst-stream' && it.streamId === 3);
      // A reset may overtake what was sent before it.
      if (!isReset) assert.deepEqual(client.stdout(), spdyInputOf(frames));
      assert.match(client.error(), /"status":"Success"/);
    }),
    { numRuns: 60 },
  );
});
