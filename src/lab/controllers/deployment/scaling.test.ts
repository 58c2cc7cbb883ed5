import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { served } from '../../../../test/support/cluster-of.ts';
import { DEPLOYMENTS, REPLICA_SETS } from '../../../kube/resource.ts';
import type { ReplicaSet } from '../../../objects/api-types.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, rolloutOf, scaled, specReplicas, type Rollout } from './rollout.ts';
import { currentSize, oldSizes, scaleSizes } from './scaling.ts';

interface SetState {
  readonly image: string;
  readonly replicas: number;
  readonly available: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function aRollout(
  replicas: number,
  strategy: { readonly maxSurge: number | string; readonly maxUnavailable: number | string },
  states: readonly SetState[],
): Rollout {
  const template = (image: string) => ({ spec: { containers: [{ name: 'c', image }] } });
  const deployment = served(DEPLOYMENTS, {
    metadata: { namespace: 'shop', name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: {} },
      strategy: { type: 'RollingUpdate', rollingUpdate: strategy },
      template: template('new'),
    },
  });
  const sets = states.map((state, i) =>
    served(REPLICA_SETS, {
      metadata: { namespace: 'shop', name: `web-${i}`, annotations: state.annotations ?? {} },
      spec: { replicas: state.replicas, selector: {}, template: template(state.image) },
      status: { replicas: state.replicas, availableReplicas: state.available },
    }),
  );
  return rolloutOf(deployment, sets);
}

function bySet(sizes: ReadonlyMap<ReplicaSet, number>): Record<string, number> {
  return Object.fromEntries([...sizes].map(([set, size]) => [set.metadata.name, size]));
}

const FENCES = [
  {
    name: 'percentages round the surge up and the missing down',
    surge: '25%',
    missing: '25%',
    expected: [3, 2],
  },
  { name: 'numbers are taken as they are', surge: 2, missing: 1, expected: [2, 1] },
  { name: 'both 0 lets one be missing', surge: 0, missing: '0%', expected: [0, 1] },
];
for (const { name, surge, missing, expected } of FENCES) {
  test(`rolloutOf(): ${name}`, () => {
    const { maxSurge, maxUnavailable } = aRollout(10, { maxSurge: surge, maxUnavailable: missing }, []);
    assert.deepEqual([maxSurge, maxUnavailable], expected);
  });
}

test('currentSize() takes only the room that the surge leaves', () => {
  const rollout = aRollout(10, { maxSurge: 3, maxUnavailable: 0 }, [
    { image: 'old', replicas: 10, available: 10 },
    { image: 'new', replicas: 0, available: 0 },
  ]);
  assert.equal(currentSize(rollout), 3);
});

test('oldSizes() gives up what does not work first, whatever its age', () => {
  const rollout = aRollout(10, { maxSurge: 3, maxUnavailable: 2 }, [
    { image: 'old-1', replicas: 6, available: 6 },
    { image: 'old-2', replicas: 4, available: 0 },
    { image: 'new', replicas: 3, available: 3 },
  ]);
  assert.deepEqual(bySet(oldSizes(rollout)), { 'web-0': 5, 'web-1': 0 });
});

test('scaleSizes() shares a new number in proportion in the middle of a rollout', () => {
  const annotations = { [DESIRED_REPLICAS]: '10', [MAX_REPLICAS]: '13' };
  const rollout = aRollout(20, { maxSurge: 6, maxUnavailable: 0 }, [
    { image: 'old', replicas: 9, available: 9, annotations },
    { image: 'new', replicas: 4, available: 4, annotations },
  ]);
  assert.deepEqual(bySet(scaleSizes(rollout)), { 'web-0': 18, 'web-1': 8 });
});

test('scaled() reads numbers and percentages', () => {
  assert.deepEqual(
    [scaled(3, 10, Math.ceil), scaled('25%', 10, Math.ceil), scaled('25%', 10, Math.floor)],
    [3, 3, 2],
  );
});

test('a rollout of any shape ends, and never leaves its bounds on the way', () => {
  const strategy = fc.record({
    maxSurge: fc.integer({ min: 0, max: 4 }),
    maxUnavailable: fc.integer({ min: 0, max: 4 }),
  });
  const old = fc.array(fc.record({ replicas: fc.integer({ min: 0, max: 6 }), broken: fc.boolean() }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), strategy, old, (replicas, bounds, olds) => {
      let states: SetState[] = [
        ...olds.map(({ replicas: size, broken }, i) => ({
          image: `old-${i}`,
          replicas: size,
          available: broken ? 0 : size,
        })),
        { image: 'new', replicas: 0, available: 0 },
      ];
      const startAvailable = states.reduce((total, each) => total + each.available, 0);
      const startTotal = states.reduce((total, each) => total + each.replicas, 0);
      for (let round = 0; ; round++) {
        assert.ok(round < 200, 'the rollout never ends');
        const rollout = aRollout(replicas, bounds, states);
        const size = currentSize(rollout);
        const sizes = new Map(oldSizes(rollout));
        const current = rollout.current;
        if (current !== undefined && size !== specReplicas(current)) sizes.clear();
        if (current !== undefined) sizes.set(current, size);
        const next = states.map((state, i) => {
          const to = [...sizes].find(([set]) => set.metadata.name === `web-${i}`)?.[1] ?? state.replicas;
          const isBroken = state.image !== 'new' && state.available === 0;
          return { ...state, replicas: to, available: isBroken ? 0 : Math.min(state.available, to) };
        });
        const available = next.reduce((total, each) => total + each.available, 0);
        const total = next.reduce((sum, each) => sum + each.replicas, 0);
        assert.ok(
          available >= Math.min(startAvailable, replicas - rollout.maxUnavailable),
          'too few available',
        );
        assert.ok(total <= Math.max(startTotal, replicas + rollout.maxSurge), 'too many');
        const ready = next.map((state) =>
          state.image === 'new' ? { ...state, available: state.replicas } : state,
        );
        if (JSON.stringify(ready) === JSON.stringify(states)) break;
        states = ready;
      }
      assert.deepEqual(
        states.map((state) => state.replicas),
        states.map((state) => (state.image === 'new' ? replicas : 0)),
      );
    }),
    { numRuns: 300 },
  );
});
