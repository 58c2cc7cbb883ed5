// The nftables backend through the engine, on tables that refuse one change and one list in ten: whatever way was gone, the end is what the
// last state asks for, and what packets meet on the way is always one of the states that were asked for.
// That what is asked for means what the oracle says, service-backends.test.ts holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chainOfKind, kindOfMark, markOfKind } from '../../src/backends/service-nftables/flow-kind.ts';
import type { FrontendRow } from '../../src/backends/service-nftables/frontend-row.ts';
import { observeRows } from '../../src/backends/service-nftables/observe.ts';
import { NFTABLES_RENDERING } from '../../src/backends/service-nftables/render.ts';
import { SERVICE_TABLE } from '../../src/backends/service-nftables/skeleton-entry.ts';
import { frontendTarget } from '../../src/backends/service-nftables/target.ts';
import { frontendPart, renderFrontends } from '../../src/backends/shared-node/service-backend.ts';
import type { ServiceView } from '../../src/model/network.ts';
import { FakeNfTables } from '../support/fake-nf-tables.ts';
import {
  FAULT_SHARE,
  MomentJudge,
  ofAnyWay,
  Refusals,
  seeded,
  travel,
  type Journey,
} from './refusing-kernel.ts';

type Rows = ReadonlyMap<string, FrontendRow>;

function textOf({ elements }: FrontendRow): string {
  return [...elements]
    .map((it) => it.join(' : '))
    .sort()
    .join(', ');
}

/** Kinds of flows are chains, which are text for nft(8): the table has all that these rows need from the start. */
function addKinds(tables: FakeNfTables, rows: readonly FrontendRow[]): void {
  const marks = rows.flatMap(({ elements }) =>
    ['services', 'outside'].flatMap((it) => elements.get(it) ?? []),
  );
  const kinds = [...new Set(marks)].flatMap((it) => kindOfMark(Number(it)) ?? []);
  const elements = kinds.map((kind) => ({
    key: new Uint8Array(Uint32Array.of(markOfKind(kind)).buffer),
    data: { kind: 'goto' as const, chain: chainOfKind(kind) },
  }));
  assert.deepEqual(tables.apply([{ kind: 'add', table: SERVICE_TABLE, set: 'kinds', elements }]), []);
}

interface Trip {
  readonly end: Rows;
  readonly faults: number;
  readonly complaints: readonly string[];
}

function meant(view: ServiceView): Rows {
  return renderFrontends(NFTABLES_RENDERING, view);
}

async function run({ steps, random }: Pick<Journey<FrontendRow>, 'steps' | 'random'>): Promise<Trip> {
  const refusals = new Refusals(random, 0);
  const tables = new FakeNfTables({ isRefused: () => refusals.isNext() });
  addKinds(
    tables,
    steps.flatMap(({ services }) => [...meant(services).values()]),
  );
  refusals.share = FAULT_SHARE;
  const judge = new MomentJudge(textOf);
  const moments: (() => Promise<void>)[] = [];
  const apply = tables.apply.bind(tables);
  tables.apply = (changes, generation) => {
    const refused = apply(changes, generation);
    const [then, judgeThen] = [tables.copy(), judge.now()];
    moments.push(async () => judgeThen(await observeRows(then)));
    return refused;
  };
  const parts = [frontendPart(frontendTarget(tables, {}), NFTABLES_RENDERING)];
  await travel({ parts, meant, judge, steps, random });
  for (const look of moments) await look();
  return { end: await observeRows(tables.copy()), faults: refusals.count, complaints: judge.complaints };
}

test('tables that refuse one operation in ten end as the last state wants them, after any way, and never lead elsewhere', async () => {
  let faults = 0;
  await fc.assert(
    ofAnyWay(async ({ steps, last, seed }) => {
      const trip = await run({ steps, random: seeded(seed) });
      faults += trip.faults;
      assert.deepEqual(trip.complaints, []);
      assert.deepEqual(sorted(trip.end), sorted(meant(last)));
    }),
    { numRuns: 100 },
  );
  // Without any fault nothing was proved.
  assert.ok(faults > 0);
});

function sorted(rows: Rows): readonly string[] {
  return [...rows].map(([key, row]) => `${key}: ${textOf(row)}`).sort();
}
