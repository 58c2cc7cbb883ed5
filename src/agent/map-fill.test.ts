import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import { crowdedMaps, keptFills, watchMapFills } from './map-fill.ts';

const FILLS = [
  { map: 'endpoints', entries: 81, maxEntries: 90, limit: 100, growths: 2 },
  { map: 'frontends', entries: 80, maxEntries: 80, limit: 100, growths: 0 },
];

test('crowdedMaps() names what is fuller than 80 percent', () => {
  assert.deepEqual(crowdedMaps(FILLS), ['BPF map endpoints is nearly full: 81 of 100 entries']);
});

test('keptFills() counts again after a thousand times as long as that takes, not before', () => {
  let nowMs = 0;
  let counts = 0;
  const count = () => {
    counts++;
    nowMs += 5;
    return FILLS;
  };
  const fills = keptFills(count, {
    nowMs: () => 0,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
  });
  const after = (ms: number): number => {
    nowMs = ms;
    assert.deepEqual(fills(), FILLS);
    return counts;
  };
  assert.deepEqual([0, 4_999, 5_000, 5_001].map(after), [1, 1, 2, 2]);
});

test('the gauges show entries and room by map', async () => {
  const metrics = new Registry();
  watchMapFills({ metrics, clock: systemClock }, () => FILLS);
  const text = await metrics.metrics();
  assert.match(text, /^fairlead_bpf_map_entries\{map="endpoints"\} 81$/m);
  assert.match(text, /^fairlead_bpf_map_max_entries\{map="endpoints"\} 90$/m);
  assert.match(text, /^fairlead_bpf_map_limit_entries\{map="endpoints"\} 100$/m);
  assert.match(text, /^fairlead_bpf_map_growths\{map="endpoints"\} 2$/m);
});
