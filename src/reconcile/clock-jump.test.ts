// A machine's clock is set while the engine works: retries and resyncs come when they would have come, for durations are monotonic.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTarget } from '../../test/support/fake-target.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Engine, part } from './engine.ts';

const HOUR_MS = 3_600_000;

/** A clock whose time of day can be set. */
class SettableClock extends ManualClock {
  setBackMs = 0;

  override nowMs(): number {
    return super.nowMs() - this.setBackMs;
  }
}

/** The operations of ten minutes in which one write of three is refused, with the moments at which they came. */
async function workOf(setBackMs: number): Promise<readonly string[]> {
  const clock = new SettableClock();
  const work: string[] = [];
  const target = new FakeTarget('routes', {
    isFailing: (verb, key) => {
      work.push(`${clock.monotonicMs()} ${verb} ${key}`);
      return verb === 'update' && work.length % 3 !== 0;
    },
  });
  const parts = [part<ReadonlyMap<string, string>, string>(target, (view) => view)];
  const engine = new Engine({ parts, clock, random: () => 0.5, report: () => undefined });
  const end = new AbortController();
  const running = engine.run(end.signal);
  engine.submit(new Map([['a', '1']]), 1);
  await clock.advance(250);
  clock.setBackMs = setBackMs;
  engine.submit(new Map([['b', '2']]), 2);
  await clock.advance(600_000);
  assert.ok(engine.isConverged);
  assert.deepEqual([...target.entries], [['b', '2']]);
  end.abort();
  await running;
  return work;
}

for (const [name, setBackMs] of [
  ['back by a day', 24 * HOUR_MS],
  ['on by a year', -365 * 24 * HOUR_MS],
] as const)
  test(`the engine works at the same moments where the clock is set ${name}`, async () => {
    const undisturbed = await workOf(0);
    assert.ok(undisturbed.filter((it) => it.includes('observe')).length >= 10, undisturbed.join('\n'));
    assert.deepEqual(await workOf(setBackMs), undisturbed);
  });
