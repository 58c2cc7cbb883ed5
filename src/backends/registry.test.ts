// The lists of backends: names, and what a machine's answers mean for them.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Support } from '../model/support.ts';
import { SERVICE_BACKENDS, backendSupport } from './registry.ts';

const [EBPF] = SERVICE_BACKENDS;
const YES: Support = { kind: 'yes' };

function answers(over: Readonly<Record<string, Support>> = {}): ReadonlyMap<string, Support> {
  return new Map([...EBPF!.needs.map((need) => [need, YES] as const), ...Object.entries(over)]);
}

test('every Service backend has a folder and a contract test', () => {
  for (const { name } of SERVICE_BACKENDS) {
    assert.ok(existsSync(new URL(`service-${name}/README.md`, import.meta.url)), name);
    // One with flavours has a test for each.
    const isOfIt = (file: string): boolean => file.startsWith(`service-${name}`) && file.endsWith('.test.ts');
    assert.ok(readdirSync(new URL('../../test/contract', import.meta.url)).some(isOfIt), name);
  }
});

test('backendSupport() says no before it says unknown, and names the probe', () => {
  assert.deepEqual(backendSupport(EBPF!, answers()), YES);
  const no: Support = { kind: 'no', because: 'the kernel is too old' };
  const unknown: Support = { kind: 'unknown', because: 'not permitted' };
  assert.deepEqual(backendSupport(EBPF!, answers({ 'bpf-ringbuf': no, 'bpf-sched-cls': unknown })), {
    kind: 'no',
    because: 'bpf-ringbuf: the kernel is too old',
  });
  assert.equal(backendSupport(EBPF!, answers({ 'bpf-sched-cls': unknown })).kind, 'unknown');
  assert.equal(backendSupport(EBPF!, new Map()).kind, 'unknown');
});
