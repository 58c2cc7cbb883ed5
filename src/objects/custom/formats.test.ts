import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfFormat } from './formats.ts';

const ROWS: readonly (readonly [format: string, good: readonly string[], bad: readonly string[]])[] = [
  ['date', ['2024-02-29'], ['2023-02-29', '2024-2-1', 'today']],
  [
    'date-time',
    ['2024-02-29T23:59:59Z', '2024-01-01T00:00:00.123+02:00'],
    ['2024-01-01', '2024-01-01T24:00:00Z'],
  ],
  ['duration', ['1h30m', '0', '3 days', '-2.5s'], ['1', 'h', '1x', '']],
  ['byte', ['', 'YQ==', 'YWJj'], ['YQ', 'Y Q=', '=YQ=']],
  ['ipv4', ['10.0.0.1'], ['10.0.0', '::1', '010.0.0.1']],
  ['ipv6', ['::1', 'fd00::2'], ['10.0.0.1', ':::']],
  ['cidr', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '/8']],
  ['mac', ['00:11:22:aa:bb:cc', '0011.22aa.bbcc'], ['00:11:22:aa:bb', '00:11:22:aa:bb:zz']],
  ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
  ['uri', ['https://a.example/x', '/path'], ['a b', 'nothing']],
  ['hostname', ['a.example.com', 'A'], ['a_b', '-a']],
  ['email', ['a@b.example'], ['a', '@b']],
  ['what nobody judges', ['anything'], []],
];

for (const [format, good, bad] of ROWS) {
  test(`isOfFormat() judges ${format}`, () => {
    for (const text of good) assert.equal(isOfFormat(format, text), true, text);
    for (const text of bad) assert.equal(isOfFormat(format, text), false, text);
  });
}
