// Maps that grow under traffic: no connection breaks, no datagram is lost, whoever is killed on the way.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import type { MapFill } from '../../src/backends/shared-bpf/map-fill.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { mapPins } from '../../src/backends/shared-bpf/pins.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { frontendKey } from '../../src/model/network.ts';
import { bpfMapInfo } from '../../src/sys/bpf-map.ts';
import { closeFd, openPin } from '../../src/sys/bpf-pin.ts';
import { inNetns } from '../../src/sys/netns.ts';
import {
  buildServiceWorld,
  linkIndex,
  type ServiceWorld,
  type WorldPeer,
} from '../contract/service-world.ts';
import { anEbpfRow } from '../support/ebpf-row.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const DYING_GROWER = new URL('../support/dying-grower.ts', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;
const VIP = '10.96.0.10';
const ENDPOINTS = 10;
const ROWS_PER_STEP = 100;

const lifetime = new Lifetime('test');
let world: ServiceWorld;

function open(owner: Lifetime): Promise<NodeBpf> {
  const { pinDir, cgroup, nodeNetns } = world;
  return openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns }, owner);
}

/** The Service that traffic goes to. */
function servedRows(): readonly FrontendRow[] {
  const endpoints = [{ ip: parseIp('10.77.0.11'), port: parsePort(8080) }];
  return (['TCP', 'UDP'] as const).map((protocol) => anEbpfRow(endpoints, { ip: parseIp(VIP), protocol }));
}

/** Others beside it, each with an address of its own. */
function otherRows(first: number): readonly FrontendRow[] {
  return Array.from({ length: ROWS_PER_STEP }, (_, at) => {
    const endpoints = Array.from({ length: ENDPOINTS }, (_unused, n) => ({
      ip: parseIp(`11.0.${n}.1`),
      port: parsePort(8080),
    }));
    return anEbpfRow(endpoints, { ip: parseIp(`10.97.${(first + at) >> 8}.${(first + at) & 255}`) });
  });
}

function byKey(rows: readonly FrontendRow[]): ReadonlyMap<string, FrontendRow> {
  return new Map(rows.map((row) => [frontendKey(row), row]));
}

function fillOf(bpf: NodeBpf, map: string): MapFill | undefined {
  return bpf.fills().find((it) => it.map === map);
}

before(async () => {
  world = buildServiceWorld(['client', 'a'], lifetime);
  const first = new Lifetime('first loader');
  const bpf = await open(first);
  lifetime.defer('BPF of the node', async () => {
    const last = new Lifetime('last loader');
    (await open(last)).detachAll();
    await last.close();
  });
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(world.nodeNetns, () => linkIndex(link)), mac, ips });
  const target = openServiceTarget(bpf.maps);
  assert.deepEqual(await target.update(byKey(servedRows()), SIGNAL, new Map()), new Map());
  await first.close();
  const server = world.startPeer('a', { isInCgroup: false });
  for (const protocol of ['TCP', 'UDP'] as const)
    await server.ask({ kind: 'listen', protocol, ip: '10.77.0.11', port: 8080, says: 'a' });
});
after(() => lifetime.close());

/** Datagrams one after the other until it is told to end: one that is lost ends its row with a time-out, which is the error. */
function startTraffic(client: WorldPeer): { end(): Promise<ReadonlySet<string | undefined>> } {
  const packets = { kind: 'send', ip: VIP, port: 80, count: 50, isConnected: false } as const;
  let isOver = false;
  const errors = (async () => {
    const found = new Set<string | undefined>();
    while (!isOver) found.add((await client.ask(packets)).error);
    return found;
  })();
  return {
    end: () => {
      isOver = true;
      return errors;
    },
  };
}

for (const isInCgroup of [true, false]) {
  describe(isInCgroup ? 'at the socket' : 'per packet', () => {
    const held = { kind: 'hold', socket: 'h', ip: VIP, port: 80 } as const;
    const fresh = { kind: 'connect', ip: VIP, port: 80 } as const;
    let client: WorldPeer;
    before(async () => {
      client = world.startPeer('client', { isInCgroup });
      assert.deepEqual((await client.ask(held)).said, ['a']);
    });

    test('growth loses no datagram and breaks no connection, and its size stays', async () => {
      const loader = new Lifetime('loader');
      const bpf = await open(loader);
      const target = openServiceTarget(bpf.maps);
      const sizeBefore = fillOf(bpf, 'endpoints')?.maxEntries ?? 0;
      const traffic = startTraffic(world.startPeer('client', { isInCgroup }));
      let written = 0;
      while ((fillOf(bpf, 'endpoints')?.growths ?? 0) < 2) {
        assert.deepEqual(await target.update(byKey(otherRows(written)), SIGNAL, new Map()), new Map());
        written += ROWS_PER_STEP;
        assert.deepEqual((await client.ask(fresh)).said, ['a']);
      }
      assert.deepEqual(await traffic.end(), new Set([undefined]));
      assert.deepEqual((await client.ask(held)).said, ['a']);
      const grown = fillOf(bpf, 'endpoints');
      assert.equal(grown?.maxEntries, 4 * sizeBefore);
      assert.equal(grown.entries, written * ENDPOINTS + servedRows().length);
      await loader.close();
      const again = new Lifetime('loader again');
      assert.equal(fillOf(await open(again), 'endpoints')?.maxEntries, grown.maxEntries);
      await again.close();
    });

    for (const moment of ['before', 'after'] as const)
      test(`one who grows a map and is killed ${moment} the programs have it leaves a whole one`, async () => {
        const loader = new Lifetime('loader');
        const sizeBefore = fillOf(await open(loader), 'endpoints')?.maxEntries ?? 0;
        await loader.close();
        const pin = mapPins({ pinDir: world.pinDir }).get('endpoints') ?? '';
        const { signal } = spawnSync(process.execPath, [DYING_GROWER, pin, moment]);
        assert.equal(signal, 'SIGKILL');
        assert.deepEqual((await client.ask(held)).said, ['a']);
        assert.deepEqual((await client.ask(fresh)).said, ['a']);
        const next = new Lifetime('next loader');
        const bpf = await open(next);
        const observed = await openServiceTarget(bpf.maps).observe(SIGNAL);
        for (const [key, row] of byKey(servedRows())) assert.deepEqual(observed.get(key), row);
        const after = fillOf(bpf, 'endpoints')?.maxEntries;
        if (moment === 'before') assert.equal(after, sizeBefore);
        else assert.ok(after !== undefined && after > sizeBefore);
        await next.close();
      });
  });
}

test('what one system call cannot carry is written whole', async () => {
  const owner = new Lifetime('loader');
  const pinDir = `${world.pinDir}-large`;
  const place = { pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns: world.nodeNetns };
  const bpf = await openNodeBpf(place, owner);
  const rows = Array.from({ length: 5000 }, (_, at) => {
    const twoBytes = `${at >> 8}.${at & 255}`;
    const endpoints = [1, 2].map((host) => ({
      ip: parseIp(`10.${host}.${twoBytes}`),
      port: parsePort(8080),
    }));
    return anEbpfRow(endpoints, { ip: parseIp(`10.97.${twoBytes}`) });
  });
  const target = openServiceTarget(bpf.maps);
  assert.deepEqual(await target.update(byKey(rows), SIGNAL, new Map()), new Map());
  const observed = await target.observe(SIGNAL);
  const isThere = (row: FrontendRow, seen = observed.get(frontendKey(row))): boolean =>
    seen !== undefined && target.isEqual(row, seen);
  // Not the rows themselves: the difference of two thousand would take a test's whole memory.
  assert.deepEqual([observed.size, rows.filter((row) => !isThere(row)).length], [rows.length, 0]);
  bpf.detachAll();
  await owner.close();
});

test('a map that is sized once keeps its size, whatever a later loader asks for', async () => {
  const pinDir = `${world.pinDir}-sizes`;
  for (const flows of [1024, 2048]) {
    const owner = new Lifetime('loader');
    const maxEntries = new Map([['flows', flows]]);
    const place = { pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns: world.nodeNetns };
    const bpf = await openNodeBpf({ ...place, maxEntries }, owner);
    const fd = openPin(mapPins({ pinDir }).get('flows') ?? '') ?? -1;
    owner.defer('flows', () => closeFd(fd));
    assert.equal(bpfMapInfo(fd).maxEntries, 1024);
    if (flows === 2048) bpf.detachAll();
    await owner.close();
  }
});
