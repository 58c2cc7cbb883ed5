import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeElement, encodeElement, setOf } from './element-codec.ts';

const ELEMENTS = [
  'carried4 10.96.0.5',
  'exclusive6 fd96::5',
  'restricted4 10.96.0.5 . tcp . 80',
  'ranges4 10.96.0.5 . tcp . 80 . 198.51.100.0/24',
  'ranges4 10.96.0.5 . udp . 65535 . 203.0.113.9',
  'ranges6 fd96::5 . sctp . 80 . fd00::/8',
  'hairpins4 10.96.0.5 . tcp . 80 . 10.244.1.2 . 10.244.1.2',
  'hairpins6 fd96::5 . tcp . 80 . fd10::2 . fd10::2',
  'inside4 10.96.0.5 . tcp . 80 : goto refuse',
  'node6 fd96::5 . udp . 53 : drop',
  'outside4 10.96.0.5 . tcp . 80 : goto separate4',
  'marks6 fd96::5 . tcp . 80 : 25165823',
];

test('an element is the same after it was encoded and decoded', () => {
  for (const it of ELEMENTS) assert.equal(decodeElement(setOf(it), encodeElement(it)), it);
});

test('decodeElement(): a range that is no prefix is written with its ends, what is no frontend’s is undefined', () => {
  const { key, keyEnd } = encodeElement('ranges4 10.96.0.5 . tcp . 80 . 198.51.100.0/24');
  const end = keyEnd!.with(keyEnd!.length - 1, 7);
  assert.equal(
    decodeElement('ranges4', { key, keyEnd: end }),
    'ranges4 10.96.0.5 . tcp . 80 . 198.51.100.0/29',
  );
  assert.match(
    decodeElement('ranges4', { key, keyEnd: end.with(-1, 6) })!,
    / 198\.51\.100\.0-198\.51\.100\.6$/,
  );
  assert.equal(decodeElement('outside4', { key: key.with(4, 1) }), undefined);
});
