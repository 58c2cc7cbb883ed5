// The SPDY codec against itself, against Node's zlib as an independent peer, and against hostile bytes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { hasCode } from '../../base/errors.ts';
import { MAX_CONTROL_BYTES, MAX_HEADER_BYTES } from './constants.ts';
import { HEADER_DICTIONARY } from './dictionary.ts';
import type { SpdyFrame, SpdyHeaders } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { HeaderInflater } from './header-compression.ts';
import { decodeHeaderList, encodeHeaderList } from './header-list.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendWindows } from './send-windows.ts';

const id = fc.integer({ min: 1, max: 0x7fff_ffff });
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const value = fc.oneof(
  name,
  fc.uint8Array({ maxLength: 40 }).map((it) => Buffer.from(it).toString('latin1')),
);
const headers: fc.Arbitrary<SpdyHeaders> = fc
  .array(fc.tuple(name, value), { maxLength: 6 })
  .map((pairs) => new Map(pairs));

const frame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('syn-stream' as const),
    streamId: id,
    associatedId: fc.integer({ min: 0, max: 0x7fff_ffff }),
    priority: fc.integer({ min: 0, max: 7 }),
    headers,
    isFin: fc.boolean(),
    isUnidirectional: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('syn-reply' as const, 'headers' as const),
    streamId: id,
    headers,
    isFin: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('rst-stream' as const), streamId: id, status: word }),
  fc.record({
    kind: fc.constant('settings' as const),
    settings: fc
      .array(fc.tuple(fc.integer({ min: 0, max: 0xff_ffff }), word), { maxLength: 4 })
      .map((pairs) => new Map(pairs)),
  }),
  fc.record({ kind: fc.constant('ping' as const), id: word }),
  fc.record({ kind: fc.constant('go-away' as const), lastStreamId: id, status: word }),
  fc.record({ kind: fc.constant('window-update' as const), streamId: id, delta: id }),
  fc.record({
    kind: fc.constant('data' as const),
    streamId: id,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    isFin: fc.boolean(),
  }),
);

/** Data comes in pieces: neighbours of one stream are joined, as a reader of the stream would see them. */
function joined(frames: readonly SpdyFrame[]): readonly SpdyFrame[] {
  const whole: SpdyFrame[] = [];
  for (const next of frames) {
    const last = whole.at(-1);
    if (next.kind === 'data' && last?.kind === 'data' && last.streamId === next.streamId && !last.isFin) {
      whole[whole.length - 1] = { ...next, bytes: Buffer.concat([last.bytes, next.bytes]) };
    } else whole.push(next.kind === 'data' ? { ...next, bytes: Buffer.from(next.bytes) } : { ...next });
  }
  return whole;
}

/** Reads `bytes` in pieces of the given sizes, in turn. */
function readAll(bytes: Buffer, sizes: readonly number[]): readonly SpdyFrame[] {
  const reader = new FrameReader();
  const frames: SpdyFrame[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    frames.push(...reader.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return frames;
}

function control(type: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.from([0x80, 3, 0, type, 0, length >> 16, (length >> 8) & 0xff, length & 0xff]);
  return Buffer.concat([head, payload]);
}

const SYN_REPLY = 2;
const SETTINGS = 4;

function assertInvalid(action: () => unknown): void {
  assert.throws(action, (error) => hasCode(error, 'invalid'));
}

describe('frames', () => {
  test('what was written is read, however the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), sizes, (frames, cuts) => {
        const writer = new FrameWriter();
        const bytes = Buffer.concat(frames.map((it) => writer.encode(it)));
        assert.deepEqual(joined(readAll(bytes, cuts)), joined(frames));
      }),
    );
  });

  test('the layout is that of the specification', () => {
    const writer = new FrameWriter();
    const hex = (it: SpdyFrame): string => writer.encode(it).toString('hex');
    assert.equal(hex({ kind: 'ping', id: 7 }), '80030006' + '00000004' + '00000007');
    assert.equal(
      hex({ kind: 'rst-stream', streamId: 5, status: 3 }),
      '80030003' + '00000008' + '0000000500000003',
    );
    assert.equal(
      hex({ kind: 'data', streamId: 9, bytes: Buffer.from('hi'), isFin: true }),
      '00000009' + '01000002' + '6869',
    );
    assert.equal(
      hex({ kind: 'settings', settings: new Map([[7, 65_536]]) }),
      '80030004' + '0000000c' + '00000001' + '00000007' + '00010000',
    );
  });

  test('unknown control frames are passed over, also empty ones', () => {
    const bytes = Buffer.concat([
      control(10, Buffer.alloc(12)),
      control(5, Buffer.alloc(0)),
      control(6, Buffer.alloc(4)),
    ]);
    assert.deepEqual(new FrameReader().push(bytes), [{ kind: 'ping', id: 0 }]);
  });

  test('a long data frame is passed on as it comes and never gathered', () => {
    const reader = new FrameReader();
    const head = Buffer.from([0, 0, 0, 1, 1, 0xff, 0xff, 0xff]);
    assert.deepEqual(reader.push(head), []);
    const piece = Buffer.alloc(65_536);
    let last: readonly SpdyFrame[] = [];
    for (let i = 0; i < 256; i++) {
      last = reader.push(piece.subarray(0, i === 255 ? 65_535 : 65_536));
      const [only] = last;
      assert.ok(last.length === 1 && only?.kind === 'data');
      assert.ok(only.bytes.buffer === piece.buffer, 'the piece was copied');
      assert.equal(only.isFin, i === 255);
    }
    assert.deepEqual(reader.push(control(6, Buffer.from([0, 0, 0, 3]))), [{ kind: 'ping', id: 3 }]);
  });
});

describe('hostile frames', () => {
  test('random bytes are frames or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          new FrameReader().push(Buffer.from(bytes));
        } catch (error) {
          assert.ok(hasCode(error, 'invalid'), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('every type with a random payload of any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 64 }), (type, payload) => {
        try {
          new FrameReader().push(control(type, payload));
        } catch (error) {
          assert.ok(hasCode(error, 'invalid'), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('good frames with a flipped, missing or added byte', () => {
    const damage = fc.tuple(
      fc.constantFrom('flip', 'cut', 'add'),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), damage, (frames, [how, where, by]) => {
        const writer = new FrameWriter();
        const bytes = Buffer.concat(frames.map((it) => writer.encode(it)));
        const at = where % bytes.length;
        if (how === 'flip') bytes[at] = (bytes[at] ?? 0) ^ by;
        const parts = [bytes.subarray(0, at), ...(how === 'add' ? [Buffer.from([by])] : [])];
        const damaged = Buffer.concat([...parts, bytes.subarray(how === 'cut' ? at + 1 : at)]);
        try {
          readAll(damaged, [7]);
        } catch (error) {
          assert.ok(hasCode(error, 'invalid'), String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a control frame that announces more than the limit is refused at its head', () => {
    assertInvalid(() => new FrameReader().push(control(SYN_REPLY, Buffer.alloc(0), MAX_CONTROL_BYTES + 1)));
    assert.deepEqual(new FrameReader().push(control(SYN_REPLY, Buffer.alloc(0), MAX_CONTROL_BYTES)), []);
  });

  test('other versions, short payloads, wrong counts', () => {
    assertInvalid(() => new FrameReader().push(Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])));
    assertInvalid(() => new FrameReader().push(control(6, Buffer.from([1]))));
    assertInvalid(() => new FrameReader().push(control(SETTINGS, Buffer.from([0xff, 0xff, 0xff, 0xff]))));
    assertInvalid(() =>
      new FrameWriter().encode({ kind: 'headers', streamId: 1, headers: tooMany(), isFin: false }),
    );
  });

  test('a frame of single bytes costs no square of its length', () => {
    const reader = new FrameReader();
    reader.push(control(SETTINGS, Buffer.alloc(0), MAX_CONTROL_BYTES));
    const byte = Buffer.alloc(1);
    const began = process.cpuUsage().user;
    for (let i = 0; i < MAX_CONTROL_BYTES - 1; i++) assert.deepEqual(reader.push(byte), []);
    const spentMs = (process.cpuUsage().user - began) / 1000;
    assert.ok(spentMs < 2000, `${spentMs} ms`);
  });
});

/** Values that do not compress: the frame passes its limit. */
function tooMany(): SpdyHeaders {
  let seed = 1;
  const noise = (): number => (seed = (seed * 48_271) % 0x7fff_ffff) & 0xff;
  return new Map([['a', Buffer.from(Array.from({ length: 70_000 }, noise)).toString('latin1')]]);
}

describe('header blocks', () => {
  test('the dictionary is the one of the specification', () => {
    assert.equal(HEADER_DICTIONARY.length, 1423);
    // zlib writes the Adler-32 of the dictionary behind its two bytes.
    const stream = zlib.deflateSync('x', { dictionary: HEADER_DICTIONARY });
    assert.equal(stream.subarray(2, 6).toString('hex'), 'e3c6a7c2');
  });

  test('one zlib stream of another writer is unpacked block by block', async () => {
    const lists = Array.from({ length: 40 }, (_, i) =>
      encodeHeaderList(new Map([['streamtype', `s${i % 7}`.repeat(i * 20)]])),
    );
    for (const dictionary of [HEADER_DICTIONARY, undefined]) {
      const deflate = zlib.createDeflate(dictionary === undefined ? {} : { dictionary });
      const blocks: Buffer[] = [];
      for (const list of lists) {
        const parts: Buffer[] = [];
        const gather = (part: Buffer): void => void parts.push(part);
        deflate.on('data', gather);
        deflate.write(list);
        await new Promise<void>((resolve) => deflate.flush(zlib.constants.Z_SYNC_FLUSH, resolve));
        deflate.off('data', gather);
        blocks.push(Buffer.concat(parts));
      }
      deflate.close();
      const inflater = new HeaderInflater();
      assert.deepEqual(
        blocks.map((block) => inflater.inflate(block).toString('hex')),
        lists.map((it) => it.toString('hex')),
      );
    }
  });

  test('another reader unpacks the one stream that is written', async () => {
    const writer = new FrameWriter();
    const lists = Array.from(
      { length: 30 },
      (_, i): SpdyHeaders =>
        new Map([
          ['streamtype', 'stdout'],
          ['n', String(i).repeat(i * 9)],
        ]),
    );
    const inflate = zlib.createInflate({ dictionary: HEADER_DICTIONARY });
    let text = Buffer.alloc(0);
    inflate.on('data', (part: Buffer) => (text = Buffer.concat([text, part])));
    for (const list of lists) {
      const bytes = writer.encode({ kind: 'headers', streamId: 1, headers: list, isFin: false });
      inflate.write(bytes.subarray(12));
    }
    await new Promise<void>((resolve) => inflate.flush(zlib.constants.Z_SYNC_FLUSH, resolve));
    inflate.close();
    assert.equal(text.toString('hex'), Buffer.concat(lists.map(encodeHeaderList)).toString('hex'));
  });

  test('a bomb is refused at its bound', () => {
    const bomb = zlib.deflateSync(Buffer.alloc(50 * MAX_HEADER_BYTES), { dictionary: HEADER_DICTIONARY });
    assert.ok(bomb.length < MAX_CONTROL_BYTES);
    assertInvalid(() => new HeaderInflater().inflate(bomb));
  });

  test('other dictionaries, other methods, no zlib at all', () => {
    const strange = zlib.deflateSync('x', { dictionary: Buffer.from('strange') });
    for (const block of [strange, Buffer.from('GET /'), Buffer.alloc(0), Buffer.from([0x78])]) {
      assertInvalid(() => new HeaderInflater().inflate(block));
    }
  });

  test('lists are read whole or not at all', () => {
    fc.assert(fc.property(headers, (it) => assert.deepEqual(decodeHeaderList(encodeHeaderList(it)), it)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          assert.deepEqual(encodeHeaderList(decodeHeaderList(Buffer.from(bytes))), Buffer.from(bytes));
        } catch (error) {
          assert.ok(hasCode(error, 'invalid'), String(error));
        }
      }),
    );
    const twice = Buffer.concat([Buffer.from([0, 0, 0, 2]), pair(), pair()]);
    assertInvalid(() => decodeHeaderList(twice));
    assertInvalid(() => decodeHeaderList(encodeHeaderList(new Map([['Upper', 'x']]))));
    assertInvalid(() => decodeHeaderList(Buffer.from([0xff, 0xff, 0xff, 0xff])));
  });
});

/** The pair "a": "". */
function pair(): Buffer {
  return Buffer.from([0, 0, 0, 1, 0x61, 0, 0, 0, 0]);
}

describe('windows', () => {
  test('bind from the first word of the peer on, with all that was sent before', () => {
    const windows = new SendWindows();
    windows.open(1);
    assert.equal(windows.allowed(1, 1_000_000), 1_000_000);
    windows.spend(1, 60_000);
    windows.widen(1, 10_000);
    // The session's window was not widened: it is the smaller one.
    assert.equal(windows.allowed(1, 100_000), 5536);
    windows.widen(0, 100_000);
    assert.equal(windows.allowed(1, 100_000), 15_536);
    windows.spend(1, 15_536);
    assert.equal(windows.allowed(1, 1), 0);
    windows.open(3);
    assert.equal(windows.allowed(3, 100_000), 65_536);
    windows.close(3);
    assert.equal(windows.allowed(3, 1), 0);
  });

  test('a smaller initial window makes open streams wait, and no window passes 31 bits', () => {
    const windows = new SendWindows();
    windows.open(1);
    windows.spend(1, 50_000);
    windows.setInitial(10_000);
    assert.equal(windows.allowed(1, 1), 0);
    windows.widen(1, 41_000);
    assert.equal(windows.allowed(1, 5000), 1000);
    assertInvalid(() => windows.widen(1, 0x7fff_ffff));
    assertInvalid(() => windows.setInitial(0xffff_ffff));
  });

  test('consumed bytes are announced by halves of a window, none lost', () => {
    const window = new ReceiveWindow();
    const deltas = Array.from({ length: 100 }, () => window.consume(1000));
    assert.deepEqual(
      deltas.filter((it) => it > 0),
      [33_000, 33_000, 33_000],
    );
  });
});
