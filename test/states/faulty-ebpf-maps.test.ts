// The eBPF backend through the engine, on maps that refuse one write in ten: whatever way was gone, the end is as on maps that refuse none,
// and what packets meet on the way is always one of the states that were asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { EBPF_RENDERING } from '../../src/backends/service-ebpf/render.ts';
import { observeRows } from '../../src/backends/service-ebpf/observe.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import { typedNodeMaps, type NodeMaps } from '../../src/backends/shared-bpf/node-maps.ts';
import { frontendPart, renderFrontends } from '../../src/backends/shared-node/service-backend.ts';
import type { ServiceView } from '../../src/model/network.ts';
import { FakeBpfMap } from '../support/fake-bpf-map.ts';
import {
  FAULT_SHARE,
  MomentJudge,
  ofAnyWay,
  Refusals,
  seeded,
  travel,
  type Journey,
} from './refusing-kernel.ts';

type Way = Pick<Journey<FrontendRow>, 'steps' | 'random'>;

interface Trip {
  readonly maps: NodeMaps;
  readonly faults: number;
  readonly complaints: readonly string[];
}

/** Whether an address has unused ports that are refused is the address's, and comes with an entry of its own. */
function textOf(row: FrontendRow): string {
  return JSON.stringify({ ...row, isExclusiveAddress: undefined });
}

function reachable(rows: ReadonlyMap<string, FrontendRow>): ReadonlyMap<string, FrontendRow> {
  return new Map([...rows].filter(([, it]) => it.isExclusiveAddress !== undefined));
}

async function run({ steps, random }: Way, faultShare: number): Promise<Trip> {
  const refusals = new Refusals(random, faultShare);
  const judge = new MomentJudge(textOf);
  const beforeWrite = (map: string): void => {
    if (refusals.isNext()) throw new Error(`refused by ${map}`);
  };
  let look = (): void => undefined;
  const maps = typedNodeMaps((name) => new FakeBpfMap(name, { beforeWrite, afterWrite: () => look() }));
  look = () => judge.now()(reachable(observeRows(maps)));
  const parts = [frontendPart(openServiceTarget(maps), EBPF_RENDERING)];
  const meant = (view: ServiceView): ReadonlyMap<string, FrontendRow> =>
    renderFrontends(EBPF_RENDERING, view);
  await travel({ parts, meant, judge, steps, random });
  return { maps, faults: refusals.count, complaints: judge.complaints };
}

/** How many entries each map holds: numbers of sets are others on another way. */
function sizesOf(maps: NodeMaps): Readonly<Record<string, number>> {
  const { addresses, frontends, endpoints, members, sourceRanges } = maps;
  const counted = Object.entries({ addresses, frontends, endpoints, members, sourceRanges });
  return Object.fromEntries(counted.map(([name, map]) => [name, map.entries().length]));
}

test('maps that refuse one write in ten end as maps that refuse none, after any way, and never lead elsewhere', async () => {
  let faults = 0;
  await fc.assert(
    ofAnyWay(async ({ steps, last, seed }) => {
      const disturbed = await run({ steps, random: seeded(seed) }, FAULT_SHARE);
      const undisturbed = await run({ steps, random: seeded(seed) }, 0);
      faults += disturbed.faults;
      const wanted = renderFrontends(EBPF_RENDERING, last);
      assert.deepEqual([undisturbed.complaints, disturbed.complaints], [[], []]);
      assert.deepEqual(observeRows(undisturbed.maps), wanted);
      assert.deepEqual(observeRows(disturbed.maps), wanted);
      assert.deepEqual(sizesOf(disturbed.maps), sizesOf(undisturbed.maps));
    }),
    { numRuns: 100 },
  );
  // Without any fault nothing was proved.
  assert.ok(faults > 0);
});
