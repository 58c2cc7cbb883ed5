// An engine whose states are awaited: each is whole in the kernel, or refused with what failed.

import { systemClock } from '../../src/base/clock.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { Engine, type Part } from '../../src/reconcile/engine.ts';

/** Gives what submits a state and resolves when the kernel holds it; it rejects with the first failures, and one state is awaited at a time. */
export function startPassing<V>(parts: readonly Part<V>[], lifetime: Lifetime): (state: V) => Promise<void> {
  let onPassed = (): void => undefined;
  const engine = new Engine<V>({
    parts,
    clock: systemClock,
    random: Math.random,
    report: (event) => {
      if (event.kind === 'passed') onPassed();
    },
    timing: { quietMs: 0 },
  });
  const running = engine.run(lifetime.signal);
  lifetime.defer('engine', () => running);
  let revision = 0;
  return async (state) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    onPassed = () => {
      const failures = engine.status().targets.flatMap((it) => it.failures);
      if (failures.length > 0) reject(new Error(JSON.stringify(failures)));
      else if (engine.isConvergedFor(() => true)) resolve();
    };
    engine.submit(state, ++revision);
    await promise;
  };
}
