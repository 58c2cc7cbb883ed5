import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countServedBy, imageIdOf, SERVED_BY, servedByOfPod, servedByText } from './served-by.ts';

const pod = (...imageIDs: readonly string[]) => ({
  status: { containerStatuses: imageIDs.map((imageID) => ({ imageID })) },
});

test("imageIdOf() and servedByOfPod() are each other's reverse; what has not run, or ran elsewhere, is left out", () => {
  assert.deepEqual(servedByOfPod(pod(...SERVED_BY.map(imageIdOf)).status), SERVED_BY);
  assert.equal(imageIdOf(undefined), '');
  const foreign = pod('', 'docker.io/library/nginx@sha256:00', 'fairlead://nginx');
  assert.deepEqual(servedByOfPod(foreign.status), []);
  assert.deepEqual(servedByOfPod(undefined), []);
});

test('servedByText() never gives the name of an image alone', () => {
  assert.deepEqual(SERVED_BY.map(servedByText), [
    'process',
    'fairlead/agnhost',
    'fairlead/echo',
    'fairlead/web',
    'fairlead/sleep',
    'stand-in',
  ]);
});

test('countServedBy() counts containers, not pods', () => {
  const pods = [pod('fairlead://web', 'fairlead://stand-in'), pod('fairlead://web'), pod(''), {}];
  assert.deepEqual(countServedBy(pods), { web: 2, 'stand-in': 1 });
});
