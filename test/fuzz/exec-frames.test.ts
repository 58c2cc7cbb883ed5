// Frames of `kubectl exec` in any order and form, over a real WebSocket to a real process: the process gets exactly the
// octets of the standard input channel up to its end, and nothing stops the session from coming to its Status.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { MAX_FRAME_BYTES, runExecSession } from '../../src/lab/kubelet/exec-session.ts';

const STDIN = 0;
const STDOUT = 1;
const ERROR = 3;
const CLOSE = 255;
const END_STDIN = Buffer.from([CLOSE, STDIN]);

const server = http.createServer();
const sockets = new WebSocketServer({ server, maxPayload: MAX_FRAME_BYTES });

before(async () => {
  sockets.on('connection', (socket) => {
    // Descriptors 3 and 4 are those of the launcher: window sizes in, the reason of a failed start out.
    const child = spawn('cat', [], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    runExecSession(socket, child, { hasStdin: true, hasStdout: true, hasStderr: true, hasTty: false });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  server.close();
});

interface Heard {
  readonly stdout: Buffer;
  readonly status: unknown;
}

async function session(frames: readonly (Buffer | string)[]): Promise<Heard> {
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
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
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(socket, 'open');
  socket.send(Buffer.alloc(MAX_FRAME_BYTES + 1));
  const [code] = (await once(socket, 'close')) as [number];
  assert.equal(code, 1009);
  assert.deepEqual((await session([Buffer.from('\u0000still here')])).stdout.toString(), 'still here');
});
