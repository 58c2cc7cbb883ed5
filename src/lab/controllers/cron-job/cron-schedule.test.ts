import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDueMs, parseCron } from './cron-schedule.ts';

const ROWS = [
  ['* * * * *', '2026-01-02T03:04:05Z', '2026-01-02T03:05:00Z'],
  ['*/15 * * * *', '2026-01-02T03:04:05Z', '2026-01-02T03:15:00Z'],
  ['0 4 * * *', '2026-01-02T04:00:00Z', '2026-01-03T04:00:00Z'],
  ['5,10-12/2 8 * * *', '2026-01-02T08:05:00Z', '2026-01-02T08:10:00Z'],
  ['0 0 * * MON', '2026-01-02T00:00:00Z', '2026-01-05T00:00:00Z'],
  ['0 0 * * 7', '2026-01-02T00:00:00Z', '2026-01-04T00:00:00Z'],
  ['0 0 13 * fri', '2026-01-03T00:00:00Z', '2026-01-09T00:00:00Z'],
  ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
  ['@monthly', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
] as const;

for (const [cron, after, due] of ROWS) {
  test(`"${cron}" after ${after} is due at ${due}`, () => {
    const ms = nextDueMs(parseCron(cron), Date.parse(after));
    assert.equal(ms === undefined ? undefined : new Date(ms).toISOString(), new Date(due).toISOString());
  });
}

test('a date that does not exist is never due', () => {
  assert.equal(nextDueMs(parseCron('0 0 31 2 *'), 0), undefined);
});

for (const text of [
  '',
  '* * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '5-1 * * * *',
  '*/0 * * * *',
  'x * * * *',
]) {
  test(`parseCron("${text}") is refused`, () => assert.throws(() => parseCron(text), /Cannot read schedule/));
}
