// A part that is told what changed ends where one ends that looks at everything, whatever fails on the way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeTarget } from '../../test/support/fake-target.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Engine, incrementalPart } from './engine.ts';

interface View {
  /** One live map, as a compiler has it. */
  readonly wanted: ReadonlyMap<string, string>;
  readonly changed: ReadonlySet<string> | undefined;
}

interface Step {
  readonly changes: readonly (readonly [string, string | undefined])[];
  /** Whether the engine takes this view before the next one comes. */
  readonly isTaken: boolean;
  /** Whether somebody else takes a key away meanwhile, and everything is observed anew. */
  readonly isDamaged: boolean;
}

const anyKey = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const anyStep: fc.Arbitrary<Step> = fc.record({
  changes: fc.array(fc.tuple(anyKey, fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }))),
  isTaken: fc.boolean(),
  isDamaged: fc.boolean(),
});

function merge(older: View, newer: View): View {
  const isAny = older.changed === undefined || newer.changed === undefined;
  return {
    ...newer,
    changed: isAny ? undefined : new Set([...(older.changed ?? []), ...(newer.changed ?? [])]),
  };
}

async function run(steps: readonly Step[], failures: readonly boolean[]): Promise<FakeTarget> {
  const clock = new ManualClock();
  let at = 0;
  const fake = new FakeTarget('rows', { isFailing: () => failures[at++] ?? false });
  const target = Object.assign(fake, { isIsolated: true });
  const rows = new Map<string, string>();
  const part = incrementalPart<View, string>(target, () => ({ wanted, changed }) => {
    if (changed === undefined) rows.clear();
    for (const key of changed ?? wanted.keys()) {
      const value = wanted.get(key);
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    return { desired: rows, changed };
  });
  const engine = new Engine<View>({
    parts: [part],
    clock,
    random: () => 0.5,
    report: () => undefined,
    merge,
  });
  const end = new AbortController();
  const running = engine.run(end.signal);
  const wanted = new Map<string, string>();
  engine.submit({ wanted, changed: undefined }, 1);
  for (const [i, step] of steps.entries()) {
    for (const [key, value] of step.changes) {
      if (value === undefined) wanted.delete(key);
      else wanted.set(key, value);
    }
    engine.submit({ wanted, changed: new Set(step.changes.map(([key]) => key)) }, i + 2);
    if (step.isTaken) await clock.advance(500);
    if (step.isDamaged) {
      target.entries.delete('a');
      engine.resync();
    }
  }
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  // Shorter than a resync, which would repair what was forgotten.
  await clock.advance(1_000);
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  end.abort();
  await running;
  assert.deepEqual(Object.fromEntries(target.entries), Object.fromEntries(wanted));
  return target;
}

test('a part that is told what changed holds what is wanted, with failures and damage on the way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 8 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      async (steps, failures) => void (await run(steps, failures)),
    ),
    { numRuns: 200 },
  );
});

test('a change of one key asks the target for that key alone', async () => {
  const changes = Array.from({ length: 5 }, (_, i) => [['a', 'b', 'c', 'd', 'e'][i] ?? '', '1'] as const);
  const target = await run(
    [
      { changes, isTaken: true, isDamaged: false },
      { changes: [['c', '2']], isTaken: true, isDamaged: false },
    ],
    [],
  );
  const updates = target.log.filter((it) => it.verb === 'update').map((it) => it.keys);
  assert.deepEqual(updates, [['a', 'b', 'c', 'd', 'e'], ['c']]);
});
