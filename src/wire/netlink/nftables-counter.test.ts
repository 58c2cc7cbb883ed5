import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCounter, encodeListCounters } from './nftables-counter.ts';
import { readMessages } from './reader.ts';

/** A table "t" with a counter "n" of 3 packets and 1,000 bytes, as the kernel lists it. */
const ANSWER = [
  '48000000 120a0200 00000000 00000000', // header: nf_tables, NEWOBJ
  '01000000', // inet
  '06000100 74000000', // table
  '06000200 6e000000', // name
  '08000300 00000001', // a counter
  '1c000480 0c000100 00000000000003e8 0c000200 0000000000000003', // bytes, packets
].join('');

const MESSAGES = readMessages(Buffer.from(ANSWER.replaceAll(' ', ''), 'hex'));

test('encodeListCounters() asks for the counters of a table', () => {
  const hex = Buffer.from(encodeListCounters('t')).toString('hex');
  assert.equal(hex, '24000000130a0103000000000000000001000000060001007400000008000300' + '00000001');
});

test('decodeCounter() reads packets and bytes', () => {
  assert.deepEqual(
    MESSAGES.map((it) => decodeCounter(it, 't')),
    [{ name: 'n', packets: 3n, bytes: 1000n }],
  );
});

test('decodeCounter() leaves aside other tables, objects and messages', () => {
  const [message] = MESSAGES;
  assert.ok(message);
  assert.equal(decodeCounter(message, 'other'), undefined);
  assert.equal(decodeCounter({ ...message, type: 0xa03 }, 't'), undefined);
  const quota = message.payload.slice();
  quota[4 + 8 + 8 + 7] = 2;
  assert.equal(decodeCounter({ ...message, payload: quota }, 't'), undefined);
});
