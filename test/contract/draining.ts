// The `apply` of a backend that leaves what still has connections for later: such a removal is no failure, it is tried again.

import assert from 'node:assert/strict';
import { deltasOf } from '../../src/base/deltas.ts';
import { hasCode } from '../../src/base/errors.ts';
import type { ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import type { Target } from '../../src/reconcile/target.ts';
import type { ContractBackend } from './service-contract.ts';

const SIGNAL = new AbortController().signal;

export function applyWithDraining(parts: readonly ServicePart[]): ContractBackend['apply'] {
  return async (view) => {
    const prunes: (() => Promise<void>)[] = [];
    for (const part of parts)
      prunes.unshift(await part.use((target, render) => applyTarget(target, render(view))));
    for (const prune of prunes) await prune();
  };
}

async function applyTarget<T>(
  target: Target<T>,
  desired: ReadonlyMap<string, T>,
): Promise<() => Promise<void>> {
  const isEqual = target.isEqual.bind(target);
  const seen = await target.observe(SIGNAL);
  const { add, change, remove } = deltasOf(desired, seen, isEqual);
  const writes = new Map([...add, ...[...change].map(([key, { to }]) => [key, to] as const)]);
  if (writes.size > 0) assert.deepEqual(await target.update(writes, SIGNAL, seen), new Map());
  return async () => {
    if (remove.size === 0) return;
    const failures = await target.delete(remove, SIGNAL);
    assert.deepEqual(new Map([...failures].filter(([, error]) => !hasCode(error, 'draining'))), new Map());
  };
}
