// What every policy backend is held to, in the kernel, about connections that stand: a change of policies ends those that it denies, in both directions,
// and no others; answers pass whatever is said of their own direction; whoever keeps the kernel's state may start anew.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { canBpfAskConntrack } from '../../src/sys/bpf-conntrack.ts';
import { assertNoLeaks, takeSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import type { RunningPolicies } from './policy-backends.ts';
import type { PolicyContract } from './policy-contract.ts';
import {
  ESTABLISHED_ROWS,
  podNamed,
  POD_NAMES,
  type EstablishedRow,
  type Policies,
} from './policy-established-rows.ts';
import { buildEstablishedWorld, FAMILIES, partyOf, policiesOf } from './policy-established-world.ts';
import { holdConnection, type HeldConnection } from './policy-held.ts';
import { probeAll, serveEverywhere, watchProbes, type Probe } from './policy-prober.ts';
import type { PolicyWorld } from './policy-world.ts';

const PROTOCOLS = ['TCP', 'UDP'] as const;

/** Why programs cannot ask the kernel's connection tracking here, false where they can. */
export const PROGRAMS_UNTRACKED: string | false =
  !canBpfAskConntrack() &&
  'answers are judged as beginnings: this kernel’s connection tracking tells programs nothing';

export interface PolicyEstablishedContract extends PolicyContract {
  /** Why the backend cannot ask the kernel's connection tracking here, false where it can. */
  readonly untracked?: string | false;
}

export function policyEstablishedContract({
  name,
  makePolicies,
  buildWorld,
  untracked = false,
}: PolicyEstablishedContract): void {
  describe(`connections that stand, with policies by ${name}`, () => {
    const lifetime = new Lifetime(`connections that stand by ${name}`);
    const prefix = ownName('pol');
    let machine: Awaited<ReturnType<typeof takeSnapshot>>;
    let world: PolicyWorld;
    let keeper: Keeper;

    before(async () => {
      machine = await takeSnapshot({ prefix });
      world = await buildEstablishedWorld(lifetime, buildWorld);
      const all = POD_NAMES.flatMap((it) => FAMILIES.map((family) => partyOf(world, it, family)));
      await serveEverywhere(all, { TCP: [80], UDP: [80] }, lifetime);
      keeper = await startKeeper();
    });
    after(async () => {
      await keeper.lifetime.close();
      await lifetime.close();
      await assertNoLeaks(machine, { prefix });
    });

    async function startKeeper(): Promise<Keeper> {
      const own = new Lifetime(`keeper of ${name}`);
      return { lifetime: own, running: await makePolicies(world, own) };
    }

    for (const row of ESTABLISHED_ROWS)
      test(row.name, { skip: row.restsOnTracking && untracked }, async () => {
        const held = new Lifetime(row.name);
        try {
          assert.deepEqual(await wrongAfter(row, { world, running: keeper.running, held }), []);
        } finally {
          await held.close();
        }
      });

    test('answers pass where their own direction is denied, a new connection the other way does not', async () => {
      const held = new Lifetime('answers');
      await keeper.running.apply(policiesOf(ANSWERS_ALONE));
      const all = await holdAll(world, { from: 'client', to: 'server' }, held);
      const wrong = await wrongOf(all.map((it) => sayBoth(it, 'answer', true)));
      const probes = answersAloneProbes(world);
      const answers = await probeAll(probes);
      await held.close();
      assert.deepEqual(wrong, []);
      assert.deepEqual(
        probes.filter(({ isExpected }, at) => isExpected !== answers[at]),
        [],
      );
    });

    test('whoever keeps the kernel’s state starts anew: nothing opens, nothing ends', async () => {
      const held = new Lifetime('restart');
      await keeper.running.apply(policiesOf(ANSWERS_ALONE));
      const all = await holdAll(world, { from: 'client', to: 'server' }, held);
      const watch = watchProbes(() => answersAloneProbes(world));
      const goesOn = (): Promise<readonly string[]> =>
        wrongOf(all.map((it, at) => sayBoth(it, at % 2 === 0 ? 'ask' : 'answer', true)));
      await keeper.lifetime.close();
      const wrong = [...(await goesOn())];
      keeper = await startKeeper();
      wrong.push(...(await goesOn()));
      await keeper.running.apply(policiesOf(ANSWERS_ALONE));
      wrong.push(...(await goesOn()));
      const opened = await watch();
      // The new one knows what stood before it: it ends with what let it in.
      await keeper.running.apply(policiesOf({ p: { of: 'server', ingress: [], egress: [] } }));
      wrong.push(...(await wrongOf(all.map((it) => sayBoth(it, 'answer', false)))));
      await held.close();
      assert.deepEqual({ wrong, opened }, { wrong: [], opened: [] });
    });
  });
}

interface Keeper {
  readonly lifetime: Lifetime;
  readonly running: RunningPolicies;
}

const ANSWERS_ALONE: Policies = {
  p: { of: 'server', ingress: [{ from: [podNamed('client')] }], egress: [] },
  q: { of: 'client', egress: [{ to: [podNamed('server')] }], ingress: [] },
};

function answersAloneProbes(world: PolicyWorld): readonly Probe[] {
  return FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) =>
      (
        [
          ['client', 'server', true],
          ['server', 'client', false],
          ['third', 'server', false],
          ['far', 'client', false],
        ] as const
      ).map(([from, to, isExpected]) => ({
        from: partyOf(world, from, family),
        to: partyOf(world, to, family),
        protocol,
        port: 80,
        isExpected,
      })),
    ),
  );
}

/** Two of each kind: an even place for what is asked first after a change, an odd one for what is answered first. */
async function holdAll(
  world: PolicyWorld,
  { from, to }: Pick<EstablishedRow, 'from' | 'to'>,
  lifetime: Lifetime,
): Promise<readonly HeldConnection[]> {
  const all: HeldConnection[] = [];
  for (const protocol of PROTOCOLS)
    for (const family of FAMILIES)
      for (let count = 0; count < 2; count++) {
        const ends = { from: partyOf(world, from, family), to: partyOf(world, to, family) };
        all.push(await holdConnection(protocol, ends, lifetime));
      }
  return all;
}

async function wrongAfter(
  row: EstablishedRow,
  { world, running, held }: { world: PolicyWorld; running: RunningPolicies; held: Lifetime },
): Promise<readonly string[]> {
  await running.apply(policiesOf(row.before));
  const all = await holdAll(world, row, held);
  await running.apply(policiesOf(row.after));
  return wrongOf(all.map((it, at) => sayBoth(it, at % 2 === 0 ? 'ask' : 'answer', row.goesOn)));
}

async function wrongOf(said: readonly Promise<readonly string[]>[]): Promise<readonly string[]> {
  return (await Promise.all(said)).flat();
}

/** What went another way than expected, the one direction after the other. */
async function sayBoth(
  held: HeldConnection,
  first: 'ask' | 'answer',
  isExpected: boolean,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const verb of first === 'ask' ? (['ask', 'answer'] as const) : (['answer', 'ask'] as const))
    if ((await held[verb](isExpected)) !== isExpected)
      wrong.push(`${held.name}, ${first} first: ${verb} ${isExpected ? 'was not heard' : 'was heard'}`);
  return wrong;
}
