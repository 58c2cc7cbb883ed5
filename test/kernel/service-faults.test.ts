// What befalls an agent that carries many Services, with each backend on the real kernel: it is killed while it programs, another tool takes
// away what it programmed, the API server goes. What was programmed carries connections all the time, and the end is exactly what is wanted.
// FAIRLEAD_SERVICES sets how many Services there are (10000 for a long run).

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { typedNodeMaps, type NodeMaps } from '../../src/backends/shared-bpf/node-maps.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseIp } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import { ENDPOINT_SLICES, SERVICES } from '../../src/kube/resource.ts';
import { openBpfMap, type BpfMap } from '../../src/sys/bpf-map.ts';
import { openMapSlot } from '../../src/sys/bpf-map-slot.ts';
import { openPin } from '../../src/sys/bpf-pin.ts';
import { saveIptables } from '../../src/sys/iptables.ts';
import { openNfTables } from '../../src/sys/nf-tables.ts';
import { PROTOCOL_NUMBERS } from '../../src/base/port.ts';
import { allBpfMaps } from '../../src/wire/bpf-maps.ts';
import type { AgentNode } from '../support/agent-node.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { connectAllTheTime, fetchAsPod } from '../support/node-traffic.ts';
import { ownName } from '../support/own-name.ts';
import { ENDPOINTS, READY_MS, ServiceRig, WEB } from '../support/service-rig.ts';

const PREFIX = ownName('faults');
const MANY = Number(process.env['FAIRLEAD_SERVICES'] ?? 2_000);
/** iptables programs a chain per endpoint, many times slower. */
const MANY_CHAINS = Number(process.env['FAIRLEAD_SERVICES'] ?? 300);
/** For an answer; all of this takes place on one busy machine. */
const ANSWER_MS = 5_000;
const PROGRAMMED_MS = 300_000;
const WEB_FRONTEND = { ip: parseIp(WEB.ip), port: parsePort(80), protocol: PROTOCOL_NUMBERS.TCP };

/** What the kernel holds, counted by other means than the agent's. */
interface Held {
  readonly frontends: number;
  readonly endpoints: number;
  /** Entries whose counterpart is missing: none but in the middle of work, and where a killed agent left it. */
  readonly halves?: number;
}

/** Something that another tool does to the node, and the targets that have to be repaired. */
interface Damage {
  readonly name: string;
  readonly target: string;
  /** What the agent's log says of the repair. */
  readonly says: RegExp;
  readonly work: (node: AgentNode) => void;
}

interface Carrier {
  readonly backend: string;
  readonly services: number;
  held(node: AgentNode): Promise<Held>;
  readonly damages: readonly Damage[];
}

/** The node's maps by their pins, as bpftool finds them. */
function withMaps<T>(node: AgentNode, work: (maps: NodeMaps) => T): T {
  const folder = `${node.config.pinDir}/maps`;
  const opened: BpfMap[] = [];
  try {
    const maps = typedNodeMaps((name) => {
      const pin = readdirSync(folder).find((it) => it.startsWith(`${name}-`));
      const fd = openPin(`${folder}/${pin}`);
      assert.ok(fd !== undefined, `no pin of ${name}`);
      const map = openNow(name, fd);
      opened.push(map);
      return map;
    });
    return work(maps);
  } finally {
    for (const map of opened) map.close();
  }
}

/** The map behind a pin; of one that grows, the map of now in its slot. */
function openNow(name: string, fd: number): BpfMap {
  const spec = allBpfMaps().find((it) => it.name === name);
  if (spec?.firstEntries === undefined) return openBpfMap(name, fd);
  const slot = openMapSlot({ name, keyBytes: spec.key.sizeBytes, valueBytes: spec.value.sizeBytes }, fd);
  const map = slot.open();
  slot.close();
  assert.ok(map !== undefined, `the slot of ${name} is empty`);
  return map;
}

const EBPF: Carrier = {
  backend: 'ebpf',
  services: MANY,
  held: (node) =>
    Promise.resolve(
      withMaps(node, (maps) => {
        // Each endpoint is a member of its set, each frontend has an address of its own: what differs is a leftover.
        const [frontends, endpoints] = [maps.frontends.count(), maps.endpoints.count()];
        const halves =
          Math.abs(maps.addresses.count() - frontends) + Math.abs(maps.members.count() - endpoints);
        return { frontends, endpoints, ...(halves === 0 ? {} : { halves }) };
      }),
    ),
  damages: [
    {
      name: 'a frontend is deleted',
      target: 'service-ebpf',
      says: /replace frontend 10\.96\.0\.7:80\/TCP/,
      work: (node) => withMaps(node, (maps) => maps.frontends.delete(WEB_FRONTEND)),
    },
    {
      name: 'an address and an endpoint are deleted',
      target: 'service-ebpf',
      says: /replace frontend 10\.96\.0\.7:80\/TCP/,
      work: (node) =>
        withMaps(node, (maps) => {
          maps.addresses.delete({ ip: WEB_FRONTEND.ip });
          for (const [key] of maps.endpoints.entries()) maps.endpoints.delete(key);
        }),
    },
    {
      name: 'the programs are taken off the node’s link',
      target: 'service-ebpf-node-links',
      says: /attach node programs/,
      work: (node) => void node.run('tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact'),
    },
  ],
};

const NFT_TABLE = ['inet', 'fairlead-services'] as const;

const NFTABLES: Carrier = {
  backend: 'nftables',
  services: MANY,
  held: async (node) => {
    const tables = openNfTables(node.netns);
    try {
      const count = async (set: string): Promise<number> =>
        (await tables.listElements(NFT_TABLE[1], set))?.length ?? 0;
      return { frontends: await count('services4'), endpoints: await count('endpoints4') };
    } finally {
      tables.close();
    }
  },
  damages: [
    {
      name: 'an element is deleted',
      target: 'service-nftables',
      says: /replace elements of 10\.96\.0\.7:80\/TCP/,
      work: (node) =>
        void node.run('nft', 'delete', 'element', ...NFT_TABLE, 'services4', `{ ${WEB.ip} . tcp . 80 }`),
    },
    {
      name: 'a chain is flushed',
      target: 'service-nftables table',
      says: /add table inet fairlead-services/,
      work: (node) => void node.run('nft', 'flush', 'chain', ...NFT_TABLE, 'translate-sent'),
    },
    {
      name: 'the table is deleted',
      target: 'service-nftables table',
      says: /add table inet fairlead-services/,
      work: (node) => void node.run('nft', 'delete', 'table', ...NFT_TABLE),
    },
  ],
};

const IPTABLES: Carrier = {
  backend: 'iptables',
  services: MANY_CHAINS,
  held: async (node) => {
    const lines = (await saveIptables({ flavour: 'nft', family: 4, netns: node.netns })).split('\n');
    const count = (pattern: RegExp): number => lines.filter((it) => pattern.test(it)).length;
    const frontends = count(/^-A FAIRLEAD-SERVICES .* -j FAIRLEAD-S-/);
    const halves = Math.abs(count(/^:FAIRLEAD-[SBX]-/) - frontends);
    const endpoints = count(/ -j DNAT --to-destination /);
    return { frontends, endpoints, ...(halves === 0 ? {} : { halves }) };
  },
  damages: [
    {
      name: 'the chain of Services is flushed',
      target: 'service-iptables',
      says: /-A FAIRLEAD-SERVICES -d 10\.96\.0\.7/,
      work: (node) => void node.run('iptables-nft', '-t', 'nat', '-F', 'FAIRLEAD-SERVICES'),
    },
    {
      name: 'the whole table is flushed, and its chains deleted',
      target: 'service-iptables',
      says: /FAIRLEAD-/,
      work: (node) => {
        node.run('iptables-nft', '-t', 'nat', '-F');
        node.run('iptables-nft', '-t', 'nat', '-X');
      },
    },
  ],
};

/** What the kernel of the node holds, as its backend counts it. */
class Rig extends ServiceRig {
  readonly #carrier: Carrier;

  constructor(carrier: Carrier, lifetime: Lifetime) {
    super({ prefix: PREFIX, backend: carrier.backend }, lifetime);
    this.#carrier = carrier;
  }

  held(): Promise<Held> {
    return this.#carrier.held(this.node);
  }

  /** Nothing is left to do, and the kernel holds as much as it should. */
  async holds(wanted: Held): Promise<void> {
    await eventually(async () => assert.deepEqual(await this.held(), wanted), PROGRAMMED_MS);
    await this.isSettled();
    assert.deepEqual(await this.held(), wanted);
  }
}

/** `n` Services beside the one that stands. */
function held(n: number, more = 0): Held {
  return { frontends: n + 1, endpoints: n * ENDPOINTS + 1 + more };
}

/** Waits until the kernel holds another number of frontends than `before`, and kills the agent; gives how many there are then. */
async function killAtWork(rig: Rig, before: number): Promise<number> {
  await eventually(async () => (await rig.held()).frontends !== before, PROGRAMMED_MS);
  await rig.kill();
  return (await rig.held()).frontends;
}

describe('faults with Services', { concurrency: true }, () => {
  let clean: LeakSnapshot;
  before(async () => {
    clean = await takeSnapshot({ prefix: PREFIX });
  });
  after(() => assertNoLeaks(clean, { prefix: PREFIX }));

  for (const carrier of [EBPF, NFTABLES, IPTABLES])
    test(`by ${carrier.backend}: an agent that is killed, an API server that goes and tools that delete leave all as it should be`, async (t) => {
      const lifetime = new Lifetime('test');
      try {
        const rig = new Rig(carrier, lifetime);
        await rig.start();
        await rig.holds(held(0));
        const traffic = connectAllTheTime(rig.node, WEB.ip, ANSWER_MS);
        await t.test('killed while it programs', () => killedWhileItAdds(rig, carrier.services));
        await t.test('without the API server', () => withoutApi(rig, carrier.services));
        await t.test('killed while it removes', () => killedWhileItRemoves(rig, carrier.services));
        const { worked, failures } = await traffic.end();
        assert.deepEqual(failures.slice(0, 5), []);
        assert.ok(worked > 100, `${worked} connections`);
        for (const damage of carrier.damages)
          await t.test(`another tool: ${damage.name}`, () => repaired(rig, damage));
      } finally {
        await lifetime.close();
      }
    });
});

async function killedWhileItAdds(rig: Rig, services: number): Promise<void> {
  const half = services / 2;
  rig.putMany(0, half);
  // The other half is not there yet: it is killed in the middle of all, whatever it has done.
  const first = await killAtWork(rig, held(0).frontends);
  assert.ok(first <= half + 1, `${first} frontends`);
  rig.putMany(half, services);
  rig.startAgent();
  await killAtWork(rig, first);
  rig.startAgent();
  await rig.isReady();
  await rig.holds(held(services));
}

async function withoutApi(rig: Rig, services: number): Promise<void> {
  rig.hasApi = false;
  rig.put(WEB.name, WEB.ip, [WEB.endpoint, '10.244.1.9']);
  await rig.kill();
  rig.startAgent();
  await eventually(async () => {
    const { waitingFor } = await rig.node.status();
    assert.ok(waitingFor.includes('the first list of Services'), waitingFor.join());
  }, READY_MS);
  // It has looked at the kernel, again and again: what it does not know it leaves alone.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  assert.deepEqual(await rig.held(), held(services));
  rig.put(WEB.name, WEB.ip, [WEB.endpoint]);
  rig.put('late', '10.96.0.8', ['10.244.1.9', '10.244.1.10']);
  rig.hasApi = true;
  await rig.isReady();
  await rig.holds({ ...held(services, 2), frontends: services + 2 });
  rig.api.delete(SERVICES, 'default/late');
  rig.api.delete(ENDPOINT_SLICES, 'default/late');
  await rig.holds(held(services));
}

async function killedWhileItRemoves(rig: Rig, services: number): Promise<void> {
  const half = services / 2;
  rig.deleteMany(0, half);
  const left = await killAtWork(rig, held(services).frontends);
  assert.ok(left > half, `${left} frontends`);
  rig.deleteMany(half, services);
  rig.startAgent();
  await rig.isReady();
  await rig.holds(held(0));
}

async function repaired(rig: Rig, { target, says, work }: Damage): Promise<void> {
  const count = async (): Promise<number> => {
    const { body } = await rig.node.ask('/metrics');
    const start = `fairlead_target_repairs_total{target="${target}"} `;
    const line = body.split('\n').find((it) => it.startsWith(start));
    return Number(line?.slice(start.length) ?? 0);
  };
  const [before, lines] = [await count(), rig.log().length];
  work(rig.node);
  await eventually(async () => assert.ok((await count()) > before, 'nothing was repaired'), READY_MS);
  await rig.holds(held(0));
  const told = rig
    .log()
    .slice(lines - 1)
    .filter((it) => it.includes(`${target}: repaired`));
  assert.match(told.join('\n'), says);
  assert.equal(await fetchAsPod(rig.node, WEB.ip, 80, 'x'), 'x');
}
