import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from './ip.ts';
import { lowestFree, parseIpRange, rangeHasIp, rangeSize, rangesOverlap } from './ip-range.ts';

for (const [text, size, inside, outside] of [
  ['192.0.2.0/24', 254n, '192.0.2.1', '192.0.2.0'],
  ['192.0.2.0/31', 2n, '192.0.2.0', '192.0.2.2'],
  ['192.0.2.7/32', 1n, '192.0.2.7', '192.0.2.8'],
  ['192.0.2.10-192.0.2.20', 11n, '192.0.2.20', '192.0.2.21'],
  ['fd00::10 - fd00::1f', 16n, 'fd00::10', 'fd00::f'],
  ['fd00::/112', 65_535n, 'fd00::ffff', 'fd00::'],
] as const) {
  test(`parseIpRange("${text}") holds ${size} addresses`, () => {
    const range = parseIpRange(text);
    assert.equal(rangeSize(range), size);
    assert.ok(rangeHasIp(range, parseIp(inside)));
    assert.ok(!rangeHasIp(range, parseIp(outside)));
  });
}

for (const text of ['', '192.0.2.1', '192.0.2.1/24', '192.0.2.9-192.0.2.1', '192.0.2.1-fd00::1', 'a-b']) {
  test(`parseIpRange() refuses "${text}"`, () =>
    assert.throws(() => parseIpRange(text), { code: 'invalid' }));
}

test('lowestFree() goes round what is taken and ends where all is', () => {
  const range = parseIpRange('192.0.2.1-192.0.2.3');
  assert.equal(
    lowestFree(range, (ip) => ip === '192.0.2.1'),
    '192.0.2.2',
  );
  assert.equal(
    lowestFree(range, () => true),
    undefined,
  );
});

test('rangesOverlap() compares within a family', () => {
  const range = parseIpRange('192.0.2.1-192.0.2.3');
  assert.ok(rangesOverlap(range, parseIpRange('192.0.2.3/32')));
  assert.ok(!rangesOverlap(range, parseIpRange('192.0.2.4/32')));
  assert.ok(!rangesOverlap(range, parseIpRange('::/96')));
});
