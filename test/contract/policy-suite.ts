// What contracts of policies stand on: a world, a backend that keeps it, and a machine that is at the end as it was before.

import { after, before } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { assertNoLeaks, takeSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import type { MakePolicies, RunningPolicies } from './policy-backends.ts';
import type { PolicyWorld } from './policy-world.ts';

export interface KeptWorld {
  readonly world: PolicyWorld;
  readonly running: RunningPolicies;
  /** Ends behind the suite. */
  readonly lifetime: Lifetime;
}

/** To be called in a suite, whose tests may ask it for what was opened before them. */
export function openForSuite(
  name: string,
  makePolicies: MakePolicies,
  build: (lifetime: Lifetime) => Promise<PolicyWorld>,
): () => KeptWorld {
  const lifetime = new Lifetime(name);
  const prefix = ownName('pol');
  let machine: Awaited<ReturnType<typeof takeSnapshot>>;
  let kept: KeptWorld | undefined;
  before(async () => {
    machine = await takeSnapshot({ prefix });
    const world = await build(lifetime);
    kept = { world, running: await makePolicies(world, lifetime), lifetime };
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(machine, { prefix });
  });
  return () => {
    if (kept === undefined) throw new Error(`${name}: nothing is open outside of its tests`);
    return kept;
  };
}
