import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameMessage, MessageFramer } from './message-framer.ts';

test('MessageFramer finds the messages however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map((it) => frameMessage(Buffer.from(it))));
      const framer = new MessageFramer(50);
      const got: Buffer[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const length = cuts[i % cuts.length] ?? 1;
        got.push(...(framer.push(stream.subarray(at, at + length)) ?? []));
        at += length;
      }
      assert.deepEqual(
        got.map((it) => [...it]),
        sent.map((it) => [...it]),
      );
    }),
  );
});

test('MessageFramer gives up on a message over its bound', () => {
  assert.equal(new MessageFramer(10).push(Buffer.from([0, 11, 1])), undefined);
});
