import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineEvent } from '../reconcile/status.ts';
import { heapCare } from './heap-care.ts';

const PASSED: EngineEvent = {
  kind: 'passed',
  revision: 1,
  durationMs: 1,
  latencyMs: undefined,
  isConverged: true,
};

function observed(count: number): EngineEvent {
  return { kind: 'observed', target: 'service-ebpf', count, durationMs: 1 };
}

test('heapCare() collects once after a pass that looked at much, all targets together', () => {
  let collected = 0;
  const care = heapCare(() => void collected++);
  const after = (...events: readonly EngineEvent[]): number => {
    for (const event of events) care(event);
    return collected;
  };
  assert.equal(after(observed(4_999), PASSED), 0);
  assert.equal(after(observed(2_500), observed(2_500)), 0, 'not in the middle');
  assert.equal(after(PASSED), 1);
  assert.equal(after(PASSED, PASSED), 1, 'changes look at nothing');
});
