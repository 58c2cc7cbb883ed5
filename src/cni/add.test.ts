// ADD, DEL, CHECK, GC and the reconciler over the fake kernel, with a fault at every step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../base/cidr.ts';
import { systemClock } from '../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import { FakeKernel } from '../sys/fake-netlink.ts';
import { failNth } from '../sys/faults.ts';
import type { NetnsFd } from '../sys/netlink-types.ts';
import { hostLinkName } from './attachment-names.ts';
import { addAttachment } from './add.ts';
import { checkAttachment } from './check.ts';
import { cniCodeOf } from './cni-error.ts';
import type { CniContext } from './context.ts';
import { deleteAttachment } from './del.ts';
import { collectGarbage } from './gc.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { LeaseReconciler } from './lease-reconciler.ts';
import { LeaseStore } from './lease-store.ts';
import { LinkRemover } from './link-remover.ts';
import { parseNetworkConfig } from './network-config.ts';
import type { CniRequest } from './request.ts';
import { resultDocument } from './result.ts';

const EIO = 5;
const PREFIXES = [parseCidr('10.244.1.0/24'), parseCidr('fd00:10:244:1::/64')];

class World {
  readonly kernel = new FakeKernel();
  readonly nodeNetns = this.kernel.addNetns();
  readonly attached = new Set<number>();
  readonly leases = new LeaseStore({ file: ':memory:', clock: systemClock, boot: 'b', restMs: 0 });
  readonly queue = new KeyedQueue();
  readonly #pods = new Map<string, NetnsFd>();
  gate: () => Promise<void> = () => Promise.resolve();
  attachFault: (() => void) | undefined;
  readonly context: CniContext;

  constructor() {
    this.leases.setPrefixes(PREFIXES);
    const netlink = this.kernel.open(this.nodeNetns);
    this.context = {
      clock: systemClock,
      leases: this.leases,
      node: { netlink, removals: netlink, netnsInode: 1, writeSysctls: () => undefined },
      remover: new LinkRemover(netlink),
      openPod: (path) => this.#openPod(path),
      datapath: {
        attach: async ({ ifindex }) => {
          this.attachFault?.();
          this.attached.add(ifindex);
        },
        detach: async (ifindex) => void this.attached.delete(ifindex),
      },
      waitForPolicy: () => this.gate(),
      network: () => ({ podCidrs: PREFIXES, mtuBytes: 1450, nodeIps: [] }),
    };
  }

  addPodNetns(path: string): void {
    this.#pods.set(path, this.kernel.addNetns());
  }

  podNetlink(path: string): ReturnType<FakeKernel['open']> {
    const netns = this.#pods.get(path);
    assert.ok(netns !== undefined);
    return this.kernel.open(netns);
  }

  #openPod(path: string): ReturnType<CniContext['openPod']> {
    const netns = this.#pods.get(path);
    if (netns === undefined) throw new FairleadError('not-found', `${path} does not exist`);
    const netlink = this.kernel.open(netns);
    return {
      netns,
      netnsInode: netns.fd,
      netlink,
      writeSysctls: () => undefined,
      close: () => netlink.close(),
    };
  }

  /** Everything an attachment leaves, as text: empty on a node without pods. */
  async remains(): Promise<readonly string[]> {
    const { faults } = this.kernel;
    this.kernel.faults = () => undefined;
    const links = await this.kernel.open(this.nodeNetns).links();
    const routes = await this.kernel.open(this.nodeNetns).routes();
    this.kernel.faults = faults;
    return [
      ...links.filter((it) => it.name !== 'lo').map((it) => `link ${it.name}`),
      ...routes.filter((it) => it.protocol === 76).map((it) => `route ${it.destination}`),
      ...this.leases.list().map((it) => `lease ${it.containerId}`),
      ...[...this.attached].map((it) => `data path ${it}`),
    ];
  }
}

function request(
  kind: 'ADD' | 'CHECK',
  containerId: string,
  prevResult?: unknown,
): Extract<CniRequest, { kind: 'ADD' | 'CHECK' }> {
  const config = parseNetworkConfig({
    cniVersion: '1.1.0',
    name: 'net',
    ...(prevResult === undefined ? {} : { prevResult }),
  });
  return {
    kind,
    key: { containerId, ifname: 'eth0' },
    netns: `/pods/${containerId}`,
    pod: { namespace: 'default', name: containerId, uid: 'u' },
    config,
  };
}

function add(world: World, containerId: string): ReturnType<typeof addAttachment> {
  return addAttachment(world.context, request('ADD', containerId), new AbortController().signal);
}

async function addedPod(world: World, containerId: string): Promise<unknown> {
  world.addPodNetns(`/pods/${containerId}`);
  return resultDocument(await add(world, containerId), '1.1.0');
}

test('ADD over the fake kernel, CHECK finds nothing, DEL leaves nothing', async () => {
  const world = new World();
  const result = await addedPod(world, 'a');
  await checkAttachment(world.context, request('CHECK', 'a', result));
  assert.equal((await world.remains()).length, 5);
  await deleteAttachment(world.context, { containerId: 'a', ifname: 'eth0' });
  assert.deepEqual(await world.remains(), []);
  await deleteAttachment(world.context, { containerId: 'a', ifname: 'eth0' });
});

test('a fault at any step of ADD leaves nothing behind, and the next ADD works', async () => {
  let steps = 0;
  for (let nth = 1; ; nth++) {
    const world = new World();
    world.addPodNetns('/pods/a');
    world.kernel.faults = failNth(nth, EIO);
    const failed = await add(world, 'a').then(
      () => undefined,
      (error: unknown) => error,
    );
    world.kernel.faults = () => undefined;
    if (failed === undefined) break;
    steps++;
    assert.equal(cniCodeOf(failed), 100, messageOf(failed));
    assert.deepEqual(await world.remains(), [], `after a fault at operation ${nth}: ${messageOf(failed)}`);
    assert.equal((await add(world, 'a')).ips.length, 2);
  }
  assert.ok(steps >= 5, `${steps} steps had a fault`);
});

test('a data path that refuses, a gate that refuses and a caller that leaves: nothing is left', async () => {
  for (const fault of ['attach', 'gate', 'abort'] as const) {
    const world = new World();
    world.addPodNetns('/pods/a');
    const aborting = new AbortController();
    if (fault === 'attach') world.attachFault = () => assert.fail('no data path');
    if (fault === 'gate')
      world.gate = () => Promise.reject(new FairleadError('timeout', 'policies are late'));
    if (fault === 'abort') {
      world.gate = async () => aborting.abort(new FairleadError('aborted', 'the caller has gone'));
    }
    await assert.rejects(addAttachment(world.context, request('ADD', 'a'), aborting.signal));
    assert.deepEqual(await world.remains(), [], fault);
  }
});

test('the link is down on the host side until the gate opens', async () => {
  const world = new World();
  world.addPodNetns('/pods/a');
  let isUp: boolean | undefined;
  world.gate = async () => {
    const name = hostLinkName({ containerId: 'a', ifname: 'eth0' });
    isUp = (await world.context.node.netlink.link(name))?.isUp;
  };
  await add(world, 'a');
  assert.equal(isUp, false);
});

test('a second ADD without DEL is refused with code 101 and changes nothing', async () => {
  const world = new World();
  const result = await addedPod(world, 'a');
  const before = await world.remains();
  await assert.rejects(add(world, 'a'), (error) => cniCodeOf(error) === 101);
  assert.deepEqual(await world.remains(), before);
  await checkAttachment(world.context, request('CHECK', 'a', result));
});

test('ADD into a missing namespace is refused with code 8', async () => {
  const world = new World();
  await assert.rejects(add(world, 'nowhere'), (error) => cniCodeOf(error) === 8);
  assert.deepEqual(await world.remains(), []);
});

interface Damage {
  readonly name: string;
  readonly finding: RegExp;
  readonly damage: (world: World, host: string) => Promise<void>;
}

const pod = (world: World) => world.podNetlink('/pods/a');
const DAMAGES: readonly Damage[] = [
  {
    name: 'the link',
    finding: /node: link fl\w+ is missing.*pod: link eth0 is missing/s,
    damage: (w, name) => w.context.node.netlink.apply([{ kind: 'delete-link', name }]),
  },
  {
    name: 'the host side being up',
    finding: /node: link fl\w+ is down/,
    damage: (w, name) => w.context.node.netlink.apply([{ kind: 'set-link', name, isUp: false }]),
  },
  {
    name: 'the MTU',
    finding: /pod: link eth0 has MTU 1400, not 1450/,
    damage: (w) => pod(w).apply([{ kind: 'set-link', name: 'eth0', mtuBytes: 1400 }]),
  },
  {
    name: 'an address',
    finding: /pod: address fd00:10:244:1::1\/128 is missing/,
    damage: async (w) => {
      const [address] = (await pod(w).addresses('eth0')).filter((it) => it.ip === 'fd00:10:244:1::1');
      assert.ok(address !== undefined);
      await pod(w).apply([{ kind: 'delete-address', ...address }]);
    },
  },
  {
    name: "the pod's default route",
    finding: /pod: route 0\.0\.0\.0\/0 via 169\.254\.1\.1 is missing/,
    damage: (w) => pod(w).apply([{ kind: 'delete-route', destination: parseCidr('0.0.0.0/0') }]),
  },
  {
    name: 'the route on the node',
    finding: /node: route 10\.244\.1\.1\/32 is missing/,
    damage: (w) =>
      w.context.node.netlink.apply([{ kind: 'delete-route', destination: parseCidr('10.244.1.1/32') }]),
  },
  {
    name: 'a neighbour',
    finding: /pod: permanent neighbour fe80::1 with .* is missing/,
    damage: async (w) => {
      const [entry] = (await pod(w).neighbours('eth0')).filter((it) => it.ip === 'fe80::1');
      assert.ok(entry !== undefined);
      await pod(w).apply([{ kind: 'delete-neighbour', link: 'eth0', ip: entry.ip }]);
    },
  },
  {
    name: 'the lease',
    finding: /lease: none/,
    damage: async (w) => void w.leases.release({ containerId: 'a', ifname: 'eth0' }, { wasUsed: true }),
  },
];

for (const { name, finding, damage } of DAMAGES) {
  test(`CHECK misses ${name}`, async () => {
    const world = new World();
    const result = await addedPod(world, 'a');
    await damage(world, hostLinkName({ containerId: 'a', ifname: 'eth0' }));
    await assert.rejects(checkAttachment(world.context, request('CHECK', 'a', result)), (error) => {
      assert.ok(error instanceof FairleadError);
      assert.equal(cniCodeOf(error), 102);
      assert.match(String(error.details['cniDetails']), finding);
      return true;
    });
  });
}

test('GC removes what is not named, of its own network alone, past errors', async () => {
  const world = new World();
  for (const id of ['keep', 'stale-1', 'stale-2']) await addedPod(world, id);
  world.addPodNetns('/pods/foreign');
  const foreign = request('ADD', 'foreign');
  await addAttachment(
    world.context,
    { ...foreign, config: { ...foreign.config, name: 'other' } },
    new AbortController().signal,
  );
  const config = parseNetworkConfig({
    cniVersion: '1.1.0',
    name: 'net',
    'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }],
  });
  // Listing the links is the first operation, the first removal the third.
  world.kernel.faults = failNth(3, EIO);
  await assert.rejects(
    collectGarbage(world.context, config, world.queue),
    (error) => cniCodeOf(error) === 103,
  );
  world.kernel.faults = () => undefined;
  assert.equal(world.leases.list().length, 3, 'the other stale one went');
  await collectGarbage(world.context, config, world.queue);
  // Leases of one millisecond have no order among them.
  assert.deepEqual(
    world.leases
      .list()
      .map((it) => it.containerId)
      .sort(),
    ['foreign', 'keep'],
  );
});

test('GC without a list removes nothing', async () => {
  const world = new World();
  await addedPod(world, 'a');
  const config = parseNetworkConfig({ cniVersion: '1.1.0', name: 'net' });
  await assert.rejects(collectGarbage(world.context, config, world.queue), (error) => cniCodeOf(error) === 7);
  assert.equal(world.leases.list().length, 1);
});

test('the reconciler takes a lease without link at the second look, and adopts a link without lease', async () => {
  const world = new World();
  for (const id of ['a', 'b']) await addedPod(world, id);
  const name = hostLinkName({ containerId: 'a', ifname: 'eth0' });
  await world.context.node.netlink.apply([{ kind: 'delete-link', name }]);
  world.leases.release({ containerId: 'b', ifname: 'eth0' }, { wasUsed: true });
  const reconciler = new LeaseReconciler(world.context, world.queue);
  assert.deepEqual(await reconciler.look(), { adopted: ['b/eth0'], removed: [] });
  assert.deepEqual(await reconciler.look(), { adopted: [], removed: ['a/eth0'] });
  assert.deepEqual(
    world.leases.list().map((it) => [it.containerId, it.ips]),
    [['b', ['10.244.1.2', 'fd00:10:244:1::2']]],
  );
});

test('the reconciler leaves an attachment alone that is being added', async () => {
  const world = new World();
  world.addPodNetns('/pods/a');
  const reconciler = new LeaseReconciler(world.context, world.queue);
  world.gate = async () => {
    assert.deepEqual(await reconciler.look(), { adopted: [], removed: [] });
    assert.deepEqual(await reconciler.look(), { adopted: [], removed: [] });
  };
  await world.queue.run('a/eth0', () => add(world, 'a'));
  assert.equal(world.leases.list().length, 1);
});

test('links asked for while one is removed go together, and a refusal reaches its own caller alone', async () => {
  const world = new World();
  const { netlink } = world.context.node;
  for (const name of ['x1', 'x2', 'x3'])
    await netlink.apply([{ kind: 'add-veth', name, peer: { name: `p${name}` } }]);
  const remover = new LinkRemover(netlink);
  await Promise.all(['x1', 'x2', 'gone', 'x3'].map((name) => remover.remove(name)));
  assert.deepEqual(await world.remains(), []);
  await netlink.apply([{ kind: 'add-veth', name: 'y1', peer: { name: 'py1' } }]);
  world.kernel.faults = (action) => {
    if (/delete link y1/.test(action)) throw new FairleadError('kernel', 'no');
  };
  const results = await Promise.allSettled(['y0', 'y1', 'y2'].map((name) => remover.remove(name)));
  assert.deepEqual(
    results.map((it) => it.status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
    'the batch goes by its group',
  );
  await netlink.apply([{ kind: 'add-veth', name: 'y1', peer: { name: 'py1' } }]);
  await assert.rejects(remover.remove('y1'), (error) => hasCode(error, 'kernel'));
});
