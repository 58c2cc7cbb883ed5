// What every Service backend must do, in rows that speak of packets: who sends to which frontend, who answers, and which client the
// endpoint sees. A backend runs the suite with a few lines; what it cannot do it skips with a reason in words.
//
// What a backend's test provides (`service-nftables.test.ts` is a short one):
// - `makeBackend(world, lifetime)` opens the backend in the world's node (`world.nodeNetns`, links `world.uplinks` and those of `world.pods`)
//   and gives a `ContractBackend`. `applyByParts` makes its `apply` of the parts that the agent runs, too.
// - `apply` does all that the agent does after a change: where UDP flows are tracked by netfilter, forgetting the stale ones belongs to it
//   (`forgettingUdpFlows`).
// - `damage` deletes some of what is programmed, as another tool would; the same view applied again must make it good.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { deltasOf } from '../../src/base/deltas.ts';
import { hasCode } from '../../src/base/errors.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { frontendKey, type Frontend, type ServiceView } from '../../src/model/network.ts';
import type { Target } from '../../src/reconcile/target.ts';
import type { ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import { isStale } from '../../src/backends/shared-node/stale-flow.ts';
import { WORLD_NETWORK } from './arbitrary-world.ts';
import { viewOfObjects } from './object-view.ts';
import { openConntrack } from '../../src/sys/conntrack.ts';
import { errnoOf } from '../../src/sys/errno.ts';
import { checkSctp } from '../../src/sys/socket.ts';
import { aChoice, aFrontend as anyFrontend, SERVICE_NODE } from '../support/service-samples.ts';
import { parseAddress, runPacket, type PeerPlace } from './service-packet.ts';
import type { ListenRequest } from './service-listener.ts';
import { SERVICE_ROWS } from './service-rows/all.ts';
import type { FrontendText, ServiceRow } from './service-rows/row.ts';
import { buildServiceWorld, type ServiceWorld, type WorldPeer } from './service-world.ts';

/** A backend at work in a world. */
export interface ContractBackend {
  /** Whether the pods' programs run in the cgroup of the world, so that sockets are translated. */
  readonly isInCgroup: boolean;
  /** Makes the kernel hold exactly this view. */
  apply(view: ServiceView): Promise<void>;
  /** Deletes behind the backend's back; without it the rows of damage apply twice and nothing more. */
  damage?(): Promise<void>;
}

export interface ServiceContract {
  readonly name: string;
  readonly makeBackend: (world: ServiceWorld, lifetime: Lifetime) => Promise<ContractBackend>;
  /** Rows by their names, where a part of them shows what there is to show; all by default. */
  readonly only?: RegExp;
  /** `tests` are parts of rows' names. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

const SIGNAL = new AbortController().signal;
const PORT = 8080;
/** Ports of frontends with many endpoints. */
const MANY_PORTS = { port: 9001, ports: 125 };

/** The `apply` of a backend whose parts are these, in the order of updates. */
export function applyByParts(parts: readonly ServicePart[]): ContractBackend['apply'] {
  return async (view) => {
    const prunes: (() => Promise<void>)[] = [];
    for (const part of parts)
      prunes.unshift(await part.use((target, render) => applyPart(target, render(view))));
    for (const prune of prunes) await prune();
  };
}

/** As a backend leaves a node that another one carries; the keys that have to wait. */
export async function leaveByParts(parts: readonly ServicePart[]): Promise<readonly string[]> {
  const waiting: string[] = [];
  for (const part of parts.toReversed())
    await part.use(async (target) => {
      const failures = await target.delete(await target.observe(SIGNAL), SIGNAL);
      for (const [key, error] of failures) {
        if (!hasCode(error, 'draining')) throw error;
        waiting.push(key);
      }
    });
  return waiting;
}

/** As the agent's own part does it after every change: UDP flows leave what is no endpoint of their frontend. */
export function forgettingUdpFlows(
  { nodeNetns }: ServiceWorld,
  lifetime: Lifetime,
  apply: ContractBackend['apply'],
): ContractBackend['apply'] {
  const conntrack = lifetime.own('connection tracking', openConntrack(nodeNetns), (it) => it.close());
  return async (view) => {
    await apply(view);
    await conntrack.forget((flow) => isStale(flow, { ...view, peers: [] }));
  };
}

/** Updates at once; gives what prunes. */
async function applyPart<T>(
  target: Target<T>,
  desired: ReadonlyMap<string, T>,
): Promise<() => Promise<void>> {
  const seen = await target.observe(SIGNAL);
  const { add, change, remove } = deltasOf(desired, seen, (from, to) => target.isEqual(to, from));
  const writes = new Map([...add, ...[...change].map(([key, { to }]) => [key, to] as const)]);
  if (writes.size > 0) assert.deepEqual(await target.update(writes, SIGNAL, seen), new Map());
  return async () => {
    if (remove.size === 0) return;
    // What still has connections stays for a while: it is tried again.
    const failures = await target.delete(remove, SIGNAL);
    assert.deepEqual(new Map([...failures].filter(([, error]) => !hasCode(error, 'draining'))), new Map());
  };
}

/** Declares the suite for one backend. */
export function runServiceContract(contract: ServiceContract): void {
  describe(`service contract: ${contract.name}`, () => {
    const lifetime = new Lifetime(contract.name);
    let backend: ContractBackend;
    let place: PeerPlace;

    before(async () => {
      const world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      backend = await contract.makeBackend(world, lifetime);
      place = { world, isAtSocket: backend.isInCgroup, peers: await startPeers(world, backend.isInCgroup) };
    });
    after(async () => {
      await backend?.apply(viewOf([]));
      await lifetime.close();
    });

    const hasSctp = kernelHasSctp();
    const skips = contract.skip ?? [];
    const reasonOf = (name: string): string | undefined =>
      skips.find(({ tests }) => tests.some((it) => name.includes(it)))?.reason;
    for (const row of SERVICE_ROWS.filter(({ name }) => contract.only?.test(name) ?? true)) {
      const skip = reasonOf(row.name) ?? (isOfSctp(row) && !hasSctp ? 'this kernel has no SCTP' : false);
      test(row.name, { skip }, () => runRow(row, backend, place));
    }
    test('every skip names a row', () => {
      const names = SERVICE_ROWS.map((row) => row.name);
      const asked = skips.flatMap(({ tests }) => tests);
      assert.deepEqual(asked.filter((it) => !names.some((name) => name.includes(it))), []); // prettier-ignore
    });
  });
}

function isOfSctp({ steps }: ServiceRow): boolean {
  return steps.some(({ frontends }) => frontends.some(({ protocol }) => protocol === 'SCTP'));
}

function kernelHasSctp(): boolean {
  try {
    checkSctp(undefined);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EPROTONOSUPPORT') return false;
    throw error;
  }
}

/** A process in every namespace; each listens on its own addresses and says its name. */
export async function startPeers(
  world: ServiceWorld,
  isInCgroup: boolean,
): Promise<ReadonlyMap<string, WorldPeer>> {
  const places: readonly (readonly [name: string, ips: readonly string[], isInCgroup: boolean])[] = [
    ...[...world.pods].map(([name, { ips }]) => [name, ips, isInCgroup] as const),
    // The node's own processes are in its cgroup, whatever runs its pods.
    ['node', [...SERVICE_NODE.addresses, '10.96.0.53', 'fd96::53'], true],
    ['remote', ['10.77.1.13', 'fd77:0:0:1::13'], false],
    ['outside', [], false],
  ];
  const peers = places.map(async ([name, ips, isInside]) => {
    const peer = world.startPeer(name, { isInCgroup: isInside });
    await listen(peer, name, ips);
    return [name, peer] as const;
  });
  return new Map(await Promise.all(peers));
}

async function listen(peer: WorldPeer, says: string, ips: readonly string[]): Promise<void> {
  const isOften = says === 'a' || says === 'b';
  const places: readonly Pick<ListenRequest, 'protocol' | 'port' | 'ports'>[] = [
    ...(['TCP', 'UDP'] as const).flatMap((protocol) => [
      { protocol, port: PORT },
      ...(isOften ? [{ protocol, ...MANY_PORTS }] : []),
    ]),
    ...(kernelHasSctp() ? [{ protocol: 'SCTP', port: PORT } as const] : []),
  ];
  for (const ip of ips)
    for (const place of places) {
      const reply = await peer.ask({ kind: 'listen', ip, says, ...place });
      assert.equal(reply.error, undefined, `listen on ${ip}`);
    }
}

/** Rows follow each other as states do: what one has programmed the next one changes into its own. */
async function runRow(row: ServiceRow, backend: ContractBackend, place: PeerPlace): Promise<void> {
  try {
    for (const [at, step] of row.steps.entries()) {
      const { objects, frontends } = step;
      const view = objects === undefined ? viewOf(frontends.map(aFrontend)) : viewOfObjects(objects);
      await backend.apply(view);
      if (step.isDamagedBefore === true) {
        await backend.damage?.();
        await backend.apply(view);
      }
      for (const packet of step.packets) await runPacket(packet, place, `step ${at + 1}`);
    }
  } finally {
    for (const peer of place.peers.values()) await peer.ask({ kind: 'forget' });
  }
}

export function viewOf(frontends: readonly Frontend[]): ServiceView {
  const byKey = new Map(frontends.map((it) => [frontendKey(it), it]));
  return { node: SERVICE_NODE, frontends: byKey, cluster: WORLD_NETWORK };
}

function aFrontend(text: FrontendText): Frontend {
  const { ip, port } = parseAddress(text.at);
  const whenEmpty = text.whenEmpty ?? 'refuse';
  return anyFrontend([], {
    kind: text.isNodeLocal === true ? 'node-local' : 'balanced',
    scope: text.scope ?? 'cluster-ip',
    service: text.service ?? 'web',
    ip: parseIp(ip),
    port: parsePort(port),
    protocol: text.protocol,
    inside: { ...aChoice(...text.endpoints), whenEmpty },
    outside: {
      ...aChoice(...(text.outside ?? text.endpoints)),
      whenEmpty: text.outsideWhenEmpty ?? whenEmpty,
    },
    masqueradesOutside: text.keepsOutside !== true,
    sourceRanges: text.sourceRanges?.map(parseCidr),
    affinityTimeoutS: text.affinityTimeoutS,
  });
}
