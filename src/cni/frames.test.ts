import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../base/errors.ts';
import {
  answerFrame,
  readRequestFrame,
  REQUEST_BYTES_MAX,
  requestFrame,
  type RawCniRequest,
} from './frames.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const request: fc.Arbitrary<RawCniRequest> = fc.record(
  {
    command: text,
    containerId: text,
    netns: text,
    ifname: text,
    args: text,
    path: text,
    netnsOverride: text,
    config: text,
  },
  { noNullPrototype: true },
);

test('readRequestFrame() reads what requestFrame() wrote, however it is cut', () => {
  fc.assert(
    fc.property(request, fc.nat(), (it, cut) => {
      const frame = requestFrame(it);
      const at = cut % frame.length;
      assert.deepEqual(readRequestFrame(frame.subarray(0, at)), { kind: 'incomplete' });
      assert.deepEqual(readRequestFrame(frame), { kind: 'complete', request: it });
    }),
  );
});

test('readRequestFrame() takes any bytes: a request, more to come, or an error of code invalid', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Close to a real frame: one byte changed.
    fc.tuple(request, fc.nat(), fc.nat(255)).map(([it, at, byte]) => {
      const frame = requestFrame(it);
      frame[at % frame.length] = byte;
      return frame;
    }),
  );
  fc.assert(
    fc.property(bytes, (it) => {
      try {
        readRequestFrame(Buffer.from(it));
      } catch (error) {
        assert.ok(hasCode(error, 'invalid'), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a frame that says to be too large is refused by its header alone', () => {
  const header = Buffer.alloc(8);
  header.write('FLC1');
  header.writeUInt32BE(REQUEST_BYTES_MAX + 1, 4);
  assert.throws(() => readRequestFrame(header), /are more than/);
});

test('answerFrame() is magic, exit code, length, text', () => {
  assert.deepEqual(
    answerFrame({ exitCode: 1, text: 'é' }),
    Buffer.from([0x46, 0x4c, 0x43, 0x31, 0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0xa9]),
  );
});
