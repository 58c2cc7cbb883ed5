// The eBPF backend through the engine, on maps that refuse one write in ten: whatever way was gone, the end is as on maps that refuse none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EBPF_RENDERING } from '../../src/backends/service-ebpf/render.ts';
import { observeRows } from '../../src/backends/service-ebpf/observe.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import { typedNodeMaps, type NodeMaps } from '../../src/backends/shared-bpf/node-maps.ts';
import {
  frontendPart,
  renderFrontends,
  type ServiceInput,
} from '../../src/backends/shared-node/service-backend.ts';
import { parseCidr } from '../../src/base/cidr.ts';
import { NodeCompiler } from '../../src/compile/node-compiler.ts';
import type { ClusterNetwork } from '../../src/model/network.ts';
import { Engine } from '../../src/reconcile/engine.ts';
import { FakeBpfMap } from '../support/fake-bpf-map.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { anyState } from './arbitrary-cluster.ts';
import type { State } from './expanders.ts';
import { FollowedStates } from './slim-state.ts';
import { yamlOf } from './yaml-of.ts';

const SETTINGS: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr),
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
  ipvsScheduler: undefined,
};

const FAULT_SHARE = 0.1;
const ROLES = new Map([['ebpf', 'carry' as const]]);

/** What an agent of node-a hands to its engine on the way through the states. */
function inputsOf(states: readonly State[]): readonly ServiceInput[] {
  const followed = new FollowedStates();
  const compiler = new NodeCompiler(SETTINGS, 'node-a');
  return states.map((state) => {
    const { objects, changes } = followed.next(state);
    const { view, changedFrontends } = compiler.compile(objects, followed.inputs, changes);
    // The compiler goes on with its own map; the engine takes this one later.
    const services = view && { ...view, frontends: new Map(view.frontends) };
    return { services, serviceRoles: ROLES, changedFrontends };
  });
}

/** As the agent's: what neither view was taken for is changed. */
function merge(older: ServiceInput, newer: ServiceInput): ServiceInput {
  const [before, after] = [older.changedFrontends, newer.changedFrontends];
  return {
    ...newer,
    changedFrontends: before === undefined || after === undefined ? undefined : before.union(after),
  };
}

interface Way {
  readonly inputs: readonly ServiceInput[];
  /** Numbers from 0 to below 1, without end. */
  readonly random: () => number;
  readonly faultShare: number;
}

interface Trip {
  readonly maps: NodeMaps;
  readonly faults: number;
}

async function run({ inputs, random, faultShare }: Way): Promise<Trip> {
  let faults = 0;
  const beforeWrite = (map: string): void => {
    if (random() >= faultShare) return;
    faults++;
    throw new Error(`refused by ${map}`);
  };
  const maps = typedNodeMaps((name) => new FakeBpfMap(name, { beforeWrite, afterWrite: () => undefined }));
  const clock = new ManualClock();
  const parts = [frontendPart(openServiceTarget(maps), EBPF_RENDERING).open<ServiceInput>('ebpf')];
  const engine = new Engine<ServiceInput>({ parts, clock, random, report: () => undefined, merge });
  const end = new AbortController();
  const running = engine.run(end.signal);
  for (const [at, input] of inputs.entries()) {
    engine.submit(input, at + 1);
    await clock.advance(random() * 2_000);
  }
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  // What is left over goes with the next look at the whole, a minute later, unless that is refused, too.
  await clock.advance(600_000);
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  end.abort();
  await running;
  return { maps, faults };
}

/** How many entries each map holds: numbers of sets are others on another way. */
function sizesOf(maps: NodeMaps): Readonly<Record<string, number>> {
  const { addresses, frontends, endpoints, members, sourceRanges } = maps;
  const counted = Object.entries({ addresses, frontends, endpoints, members, sourceRanges });
  return Object.fromEntries(counted.map(([name, map]) => [name, map.entries().length]));
}

/** A small repeatable source of randomness (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The node is always known: without it nothing is wanted, and nothing is to be compared. */
const NODE_A = {
  metadata: { name: 'node-a', labels: {} },
  spec: { podCIDRs: ['10.244.1.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: '10.89.0.11' }] },
};

test('maps that refuse one write in ten end as maps that refuse none, after any way', async () => {
  let faults = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyState, { minLength: 1, maxLength: 5 }), fc.nat(), async (found, seed) => {
      const states = found.map((state) => new Map([...state, ['Node /node-a', NODE_A]]));
      const inputs = inputsOf(states);
      const last = inputs.at(-1)?.services;
      assert.ok(last);
      const disturbed = await run({ inputs, random: seeded(seed), faultShare: FAULT_SHARE });
      const undisturbed = await run({ inputs, random: seeded(seed), faultShare: 0 });
      faults += disturbed.faults;
      const wanted = renderFrontends(EBPF_RENDERING, last);
      try {
        assert.deepEqual(observeRows(undisturbed.maps), wanted);
        assert.deepEqual(observeRows(disturbed.maps), wanted);
        assert.deepEqual(sizesOf(disturbed.maps), sizesOf(undisturbed.maps));
      } catch (error) {
        const texts = states.map(yamlOf).join('\n# then\n');
        assert.fail(`${error instanceof Error ? error.message : String(error)}\nby way of\n${texts}`);
      }
    }),
    { numRuns: 200 },
  );
  // Without any fault nothing was proved.
  assert.ok(faults > 0);
});
