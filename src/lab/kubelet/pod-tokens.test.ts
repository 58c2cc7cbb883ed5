import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../objects/api-types.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { ClusterApi } from './cluster-api.ts';
import { PodTokens } from './pod-tokens.ts';

const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
};
const REQUEST = { audience: undefined, expirationSeconds: 3600 };
const { signal } = new AbortController();

/** Gives numbered tokens of an hour until it is told to fail. */
class TokenApi {
  given = 0;
  isAway = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  serviceAccountToken(): ReturnType<ClusterApi['serviceAccountToken']> {
    if (this.isAway) return Promise.reject(new Error('away'));
    return Promise.resolve({ token: `t${++this.given}`, expiresAtMs: this.#clock.nowMs() + 3_600_000 });
  }
}

function setUp() {
  const clock = new ManualClock();
  const api = new TokenApi(clock);
  // Of the API only this call is used.
  const tokens = new PodTokens({ api: api as unknown as ClusterApi, clock });
  return { clock, api, tokens, get: () => tokens.get(POD, REQUEST, signal) };
}

test('PodTokens asks once, and again after four fifths of the life of a token', async () => {
  const { clock, tokens, get } = setUp();
  assert.equal(tokens.dueAtMs, undefined);
  assert.deepEqual([await get(), await get()], ['t1', 't1']);
  assert.equal(tokens.dueAtMs, clock.nowMs() + 2_880_000);
  await clock.advance(2_879_999);
  assert.equal(await get(), 't1');
  await clock.advance(1);
  assert.equal(await get(), 't2');
});

test('PodTokens keeps the old token while the API gives none, as long as it is valid', async () => {
  const { clock, api, tokens, get } = setUp();
  await get();
  api.isAway = true;
  await clock.advance(3_000_000);
  assert.equal(await get(), 't1');
  assert.equal(tokens.dueAtMs, clock.nowMs() + 30_000);
  await clock.advance(600_000);
  await assert.rejects(get(), /away/);
});
