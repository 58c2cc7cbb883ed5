// Random clusters and changes in the kernel, by each backend: after every change packets are sent from inside and outside, and what comes of
// them is what the oracle says from the objects. A case that falls is shrunk and printed as what `kubectl apply` takes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Lifetime } from '../../src/base/lifetime.ts';
import { compileCluster } from '../../src/compile/cluster.ts';
import { viewOfNode } from '../../src/compile/view.ts';
import type { NodeView } from '../../src/model/network.ts';
import type { State } from '../states/expanders.ts';
import { SlimStates } from '../states/slim-state.ts';
import { yamlOf } from '../states/yaml-of.ts';
import { SERVICE_NODE } from '../support/service-samples.ts';
import { anyWorldState, WORLD_NETWORK } from './arbitrary-world.ts';
import { failingIptablesBackend, failingIpvsBackend } from './failing-backends.ts';
import { ebpfBackend, hasIpvs, ipvsBackend, iptablesBackend, nftablesBackend } from './service-backends.ts';
import { startPeers, viewOf, type ContractBackend, type ServiceContract } from './service-contract.ts';
import { runPacket, type PeerPlace } from './service-packet.ts';
import type { PacketRow } from './service-rows/row.ts';
import { buildServiceWorld } from './service-world.ts';
import { destinationsOf, rowsOf } from './world-packets.ts';

/** Sent after each change, of the hundreds that there are. */
const PACKETS = 12;

/** A way through states, and which packets are sent after each. */
const aJourney = fc.array(
  fc.record({ state: anyWorldState, picks: fc.array(fc.nat(), { minLength: PACKETS, maxLength: PACKETS }) }),
  { minLength: 1, maxLength: 3 },
);

function viewOfState(state: State): NodeView {
  const view = viewOfNode(compileCluster(new SlimStates().of(state), WORLD_NETWORK), SERVICE_NODE.name);
  assert.ok(view);
  return view;
}

/** What came of the packets, with every backend: the few random states that one of them meets need not refuse any. */
const seen = new Set<string>();

type Property = fc.IAsyncProperty<[readonly { readonly state: State; readonly picks: readonly number[] }[]]>;
const RUNS = { numRuns: 4 };

/** `check` asserts the property, with each backend by a call of its own: fuzzing gives every one of them its time. */
function randomServices(
  name: string,
  makeBackend: ServiceContract['makeBackend'],
  check: (property: Property) => Promise<void>,
): void {
  describe(`random Services in the kernel: ${name}`, () => {
    const lifetime = new Lifetime(name);
    let backend: ContractBackend;
    let place: PeerPlace;

    before(async () => {
      const world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      backend = await makeBackend(world, lifetime);
      place = { world, isAtSocket: backend.isInCgroup, peers: await startPeers(world, backend.isInCgroup) };
    });
    after(() => lifetime.close());

    test('packets meet what the oracle says, after any changes', async () => {
      const property = fc.asyncProperty(aJourney, async (journey) => {
        await backend.apply(viewOf([]));
        let earlier: NodeView | undefined;
        for (const [at, { state, picks }] of journey.entries()) {
          const view = viewOfState(state);
          await backend.apply(view);
          const rows = rowsOf(state, view, destinationsOf(earlier === undefined ? [view] : [view, earlier]));
          for (const row of picks.flatMap((it) => rows[it % rows.length] ?? [])) {
            seen.add(typeof row.expect === 'string' ? row.expect : 'answered');
            await runPacket(row, place, `state ${at + 1}`).catch((error: unknown) =>
              fell(
                error,
                row,
                journey.slice(0, at + 1).map((it) => it.state),
              ),
            );
          }
          earlier = view;
        }
      });
      await check(property);
    });
  });
}

function fell(error: unknown, { expect }: PacketRow, states: readonly State[]): never {
  const message = error instanceof Error ? error.message : String(error);
  const way = states.map(yamlOf).join('\n# then\n');
  return assert.fail(`${message}\nmeant to be ${JSON.stringify(expect)}\nby way of\n${way}`);
}

randomServices('eBPF at the socket', ebpfBackend(true), async (it) => fc.assert(it, RUNS));
randomServices('eBPF per packet', ebpfBackend(false), async (it) => fc.assert(it, RUNS));
randomServices('nftables', nftablesBackend, async (it) => fc.assert(it, RUNS));
randomServices('iptables (nft)', iptablesBackend('nft'), async (it) => fc.assert(it, RUNS));
randomServices('iptables (legacy)', iptablesBackend('legacy'), async (it) => fc.assert(it, RUNS));
if (hasIpvs()) randomServices('IPVS', ipvsBackend(), async (it) => fc.assert(it, RUNS));

let faults = 0;
const countFault = (): void => void faults++;
/** Without any fault nothing was proved. */
async function withFaults(check: () => Promise<void> | void): Promise<void> {
  faults = 0;
  await check();
  assert.ok(faults > 0);
}

randomServices(
  'iptables (nft), whose program fails now and then',
  failingIptablesBackend('nft', countFault),
  (it) => withFaults(() => fc.assert(it, RUNS)),
);
if (hasIpvs())
  randomServices('IPVS, whose kernel fails now and then', failingIpvsBackend(countFault), (it) =>
    withFaults(() => fc.assert(it, RUNS)),
  );

test('some packets were answered, and some refused', () => {
  // Packets that nobody answers, or all of them, would prove little.
  assert.ok(seen.has('answered') && seen.has('refused'), [...seen].join());
});
