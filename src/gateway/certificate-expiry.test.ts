import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiriesOf, expiryProblems } from './certificate-expiry.ts';

const DAY_MS = 24 * 3600 * 1000;

function certificate(id: string, fromDay: number, untilDay: number): Parameters<typeof expiriesOf>[0] {
  const validity = { fromMs: fromDay * DAY_MS, untilMs: untilDay * DAY_MS };
  return [{ id, pem: '', names: [], validity }];
}

const stateOn = (day: number, fromDay: number, untilDay: number): unknown =>
  expiriesOf(certificate('Secret shop/tls', fromDay, untilDay), day * DAY_MS).map(({ state }) => state);

test('of a long certificate the last two weeks are told of, of a short one the last fifth', () => {
  assert.deepEqual(stateOn(75, 0, 90), ['Valid']);
  assert.deepEqual(stateOn(77, 0, 90), ['Expiring']);
  assert.deepEqual(stateOn(0.7, 0, 1), ['Valid']);
  assert.deepEqual(stateOn(0.9, 0, 1), ['Expiring']);
  assert.deepEqual(stateOn(1, 0, 1), ['Expired']);
});

test('what is said changes with the days that are left', () => {
  const said = (day: number): string | undefined =>
    expiriesOf(certificate('Secret shop/tls', 0, 90), day * DAY_MS)[0]?.message;
  assert.equal(said(80.5), 'Secret shop/tls is valid until 1970-04-01T00:00:00Z: 9 days are left');
  assert.equal(said(80.6), said(80.5));
  assert.match(said(88.5) ?? '', /one day is left/);
  assert.match(said(89.5) ?? '', /less than a day is left/);
});

test('Events are about the Secrets that end, and no others', () => {
  const told = expiryProblems(
    [...certificate('Secret shop/soon', 0, 90), ...certificate('Secret shop/late', 0, 900)],
    80.5 * DAY_MS,
  );
  assert.deepEqual(
    told.map(({ resource, namespace, name, problems }) => [
      resource.kind,
      namespace,
      name,
      problems[0]?.reason,
    ]),
    [['Secret', 'shop', 'soon', 'CertificateExpiring']],
  );
});

test('the one that ends first is first, one of which nobody is told is none', () => {
  const none = { id: 'default', pem: '', names: [] };
  const all = [...certificate('b', 0, 90), ...certificate('a', 0, 60), none];
  assert.deepEqual(
    expiriesOf(all, 0).map(({ id }) => id),
    ['a', 'b'],
  );
});
