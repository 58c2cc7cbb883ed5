import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatenated, decodeElements, encodeElements, type NftElementChange } from './nftables.ts';
import { readMessages } from './reader.ts';

const KEY = concatenated(Uint8Array.of(10, 96, 0, 5), Uint8Array.of(6), Uint8Array.of(0, 80));

function roundTrip(change: NftElementChange) {
  // The buffer is Node's own, whose `slice` shares memory: what was decoded must outlive it.
  return encodeElements(change).map((message) => {
    const bytes = Buffer.from(message);
    const elements = readMessages(bytes).map((it) => decodeElements(it));
    bytes.fill(0xff);
    return elements.flat();
  });
}

test('concatenated() pads each field to four bytes', () => {
  assert.deepEqual([...KEY], [10, 96, 0, 5, 6, 0, 0, 0, 0, 80, 0, 0]);
});

test('encodeElements() keeps keys, ranges, values, chains and ends of intervals', () => {
  const elements = [
    { key: KEY },
    { key: KEY, keyEnd: KEY },
    { key: KEY, isIntervalEnd: true },
    { key: KEY, data: { kind: 'value', bytes: Uint8Array.of(1, 2, 3, 4) } },
    { key: KEY, data: { kind: 'goto', chain: 'inside-2' } },
    { key: KEY, data: { kind: 'drop' } },
  ] as const;
  assert.deepEqual(roundTrip({ kind: 'add', table: 't', set: 's', elements }), [elements]);
});

test('encodeElements() divides what does not fit a message', () => {
  const elements = Array.from({ length: 1000 }, () => ({ key: KEY }));
  const parts = roundTrip({ kind: 'add', table: 't', set: 's', elements });
  assert.deepEqual(parts.map((it) => it.length), [400, 400, 200]);
}); // prettier-ignore
