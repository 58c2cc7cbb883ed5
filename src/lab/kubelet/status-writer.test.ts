import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodStatus } from '../../objects/api-types.ts';
import { StatusWriter } from './status-writer.ts';

const conditions = (ready: string): PodStatus => ({ conditions: [{ type: 'Ready', status: ready }] });

/** As the watch shows it. */
function podShowing(ready: string): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: META, status: conditions(ready) };
}

const META = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '' };

test('StatusWriter sends what changed, and again what somebody else wrote over; each object makes it do so once', async () => {
  const sent: PodStatus[] = [];
  const waits: number[] = [];
  const writer = new StatusWriter(
    {
      // The one call of the API that it makes.
      api: {
        writeStatus: (_pod: Pod, status: PodStatus) => Promise.resolve(void sent.push(status)),
      } as never,
      clock: {
        nowMs: () => 0,
        monotonicMs: () => 0,
        sleep: (ms: number) => Promise.resolve(void waits.push(ms)),
      },
      log: () => undefined,
    },
    () => undefined,
  );
  const { signal } = new AbortController();
  const submit = async (pod: Pod): Promise<number> => {
    writer.submit(pod, conditions('True'), signal);
    await writer.drain();
    return sent.length;
  };
  const first = podShowing('False');
  assert.equal(await submit(first), 1);
  assert.equal(await submit(first), 1, 'the object from before the write says nothing');
  assert.equal(await submit(podShowing('True')), 1);
  const overwritten = podShowing('False');
  assert.equal(await submit(overwritten), 2);
  assert.equal(await submit(overwritten), 2);
  assert.deepEqual(waits, [1000], 'whoever wrote over it gets time to learn better');
  assert.deepEqual(sent, [conditions('True'), conditions('True')]);
});
