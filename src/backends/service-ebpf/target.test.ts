// The target on maps in memory: what programs may see at any moment, and what is left where a writer is killed or refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deltasOf } from '../../base/deltas.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { maglevSize } from '../../base/maglev.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { anEbpfRow } from '../../../test/support/ebpf-row.ts';
import { FakeBpfMap, type FakeMapHooks } from '../../../test/support/fake-bpf-map.ts';
import { typedNodeMaps, type NodeMaps } from '../shared-bpf/node-maps.ts';
import { hasSameEndpoints, sortedEndpoints, type FrontendRow, type RowChoice } from './frontend-row.ts';
import { partCount, partKeys } from './maglev-tables.ts';
import { hasNamedSizes, setsOf } from './map-upkeep.ts';
import { openServiceTarget } from './target.ts';

const SIGNAL = new AbortController().signal;

type Rows = ReadonlyMap<string, FrontendRow>;

const aRow = fc
  .record({
    address: fc.nat(2),
    port: fc.integer({ min: 1, max: 2 }),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    inside: fc.uniqueArray(fc.nat(5), { maxLength: 4 }),
    outside: fc.option(fc.uniqueArray(fc.nat(5), { maxLength: 4 }), { nil: undefined }),
    direct: fc.option(fc.uniqueArray(fc.nat(5), { maxLength: 4 }), { nil: undefined }),
    whenEmpty: fc.constantFrom('refuse' as const, 'drop' as const),
    masqueradesOutside: fc.boolean(),
    sourceRanges: fc.option(fc.uniqueArray(fc.integer({ min: 8, max: 10 }), { maxLength: 3 }), {
      nil: undefined,
    }),
    admitsNode: fc.boolean(),
    wantsMaglev: fc.boolean(),
    affinityTimeoutS: fc.constantFrom(0, 60),
  })
  .map(
    ({
      address,
      port,
      inside,
      outside,
      direct,
      whenEmpty,
      sourceRanges,
      wantsMaglev,
      ...it
    }): FrontendRow => ({
      ...it,
      ip: parseIp(`10.96.0.${address}`),
      port: parsePort(port),
      inside: aChoice(inside, 'refuse'),
      outside: aChoice(outside ?? inside, whenEmpty),
      direct: direct && aChoice(direct, 'refuse').endpoints,
      sourceRanges: sourceRanges?.map((n) => parseCidr(`10.${n}.0.0/16`)).sort(),
      isExclusiveAddress: true,
      isMaglev: wantsMaglev && (outside ?? inside).length > 1,
    }),
  );

function aChoice(numbers: readonly number[], whenEmpty: 'refuse' | 'drop'): RowChoice {
  const endpoints = numbers.map((n) => ({ ip: parseIp(`10.0.0.${n}`), port: parsePort(80 + n) }));
  return { endpoints: sortedEndpoints(endpoints), whenEmpty };
}

const someRows = fc
  .array(aRow, { maxLength: 8 })
  .map((rows): Rows => new Map(rows.map((row) => [frontendKey(row), row])));

/** Maps whose n-th write from now on throws; the process is killed there, or only that write is refused. */
class Rig implements FakeMapHooks {
  readonly maps: NodeMaps = typedNodeMaps((name) => new FakeBpfMap(name, this));
  writesLeft = Infinity;
  isKilled = false;

  beforeWrite(map: string): void {
    if (this.isKilled) throw new Error('killed');
    if (this.writesLeft-- > 0) return;
    this.isKilled = this.dies;
    this.writesLeft = Infinity;
    throw new Error(`refused by ${map}`);
  }

  afterWrite(): void {
    assertWhole(this.maps);
  }

  dies = false;
}

/** What a packet may meet: a frontend that is reachable has every endpoint that it promises, and no other. */
function assertWhole(maps: NodeMaps): void {
  const addresses = new Set(maps.addresses.entries().map(([key]) => key.ip));
  for (const [key, value] of maps.frontends.entries()) {
    if (!addresses.has(key.ip)) continue;
    for (const part of partKeys(value.outsideGeneration, value.outsideTableSize)) {
      const slots = maps.maglevTables.lookup(part)?.slots;
      assert.ok(
        slots?.every((it) => it < value.outsideCount),
        `part ${part.part} of a table is missing`,
      );
    }
    for (const { generation, count } of setsOf(value, undefined).endpoints)
      for (let slot = 0; slot < count; slot++) {
        const endpoint = maps.endpoints.lookup({ generation, slot });
        assert.ok(endpoint, `slot ${slot} of ${key.ip}:${key.port} is missing`);
        assert.ok(
          maps.members.lookup({ generation, ...endpoint }),
          `a member of ${key.ip}:${key.port} is missing`,
        );
      }
  }
}

async function apply(maps: NodeMaps, desired: Rows): Promise<ReadonlyMap<string, unknown>> {
  const target = openServiceTarget(maps);
  const seen = await target.observe(SIGNAL);
  const { add, change, remove } = deltasOf(desired, seen, (from, to) => target.isEqual(to, from));
  const writes = new Map([...add, ...[...change].map(([key, { to }]) => [key, to] as const)]);
  const failures = await target.update(writes, SIGNAL, seen);
  return new Map([...failures, ...(await target.delete(remove, SIGNAL))]);
}

/** No entry but those that the rows need. */
function assertNothingElse(maps: NodeMaps, rows: Rows): void {
  const sum = (sizeOf: (row: FrontendRow) => number): number =>
    [...rows.values()].reduce((total, row) => total + sizeOf(row), 0);
  const endpoints = sum(
    ({ inside, outside, direct = [] }) =>
      inside.endpoints.length +
      (hasSameEndpoints(inside, outside) ? 0 : outside.endpoints.length) +
      direct.length,
  );
  assert.equal(
    maps.sourceRanges.entries().length,
    sum((row) => row.sourceRanges?.length ?? 0),
  );
  assert.equal(
    maps.maglevTables.entries().length,
    sum((row) => (row.isMaglev ? partCount(maglevSize(row.outside.endpoints.length)) : 0)),
  );
  assert.equal(maps.frontends.entries().length, rows.size);
  assert.equal(maps.endpoints.entries().length, endpoints);
  assert.equal(maps.members.entries().length, endpoints);
  assert.equal(maps.addresses.entries().length, new Set([...rows.values()].map((row) => row.ip)).size);
  assert.ok(hasNamedSizes(maps), 'a look would search for what is left over');
}

test('any state becomes any other; every moment between is whole, and nothing is left over', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someRows, { minLength: 1, maxLength: 4 }), async (states) => {
      const { maps } = new Rig();
      for (const rows of states) {
        assert.deepEqual(await apply(maps, rows), new Map());
        assert.deepEqual(await openServiceTarget(maps).observe(SIGNAL), new Map(rows));
        assertNothingElse(maps, rows);
      }
    }),
    { numRuns: 100 },
  );
});

test('a writer that is killed at any write leaves whole frontends, each as before or as after; the next one cleans up', async () => {
  await fc.assert(
    fc.asyncProperty(someRows, someRows, fc.nat(60), async (before, after, writes) => {
      const rig = new Rig();
      await apply(rig.maps, before);
      [rig.writesLeft, rig.dies] = [writes, true];
      await apply(rig.maps, after).catch(() => undefined);
      [rig.writesLeft, rig.isKilled] = [Infinity, false];
      for (const [key, row] of await openServiceTarget(rig.maps).observe(SIGNAL))
        assert.ok(
          [before, after].some(
            (rows) => rows.has(key) && openServiceTarget(rig.maps).isEqual(rows.get(key)!, row),
          ),
        );
      await apply(rig.maps, after);
      assert.deepEqual(await openServiceTarget(rig.maps).observe(SIGNAL), new Map(after));
      assertNothingElse(rig.maps, after);
    }),
    { numRuns: 150 },
  );
});

test('a write that is refused once holds nothing back: what is not written is named, and a retry mends it', async () => {
  await fc.assert(
    fc.asyncProperty(someRows, someRows, fc.nat(40), async (before, after, writes) => {
      const rig = new Rig();
      await apply(rig.maps, before);
      rig.writesLeft = writes;
      const failures = await apply(rig.maps, after).catch(() => undefined);
      rig.writesLeft = Infinity;
      const observed = await openServiceTarget(rig.maps).observe(SIGNAL);
      for (const [key, row] of after)
        if (failures !== undefined && !failures.has(key)) assert.deepEqual(observed.get(key), row);
      await apply(rig.maps, after);
      assertNothingElse(rig.maps, after);
    }),
    { numRuns: 150 },
  );
});

const NO_HOOKS: FakeMapHooks = { beforeWrite: () => undefined, afterWrite: () => undefined };
const DAMAGED_MAPS = [
  'frontends',
  'addresses',
  'endpoints',
  'members',
  'sourceRanges',
  'maglevTables',
] as const;

test('whatever entry another hand takes, the next look shows it, the next write mends it, and nothing is left over', async () => {
  let damages = 0;
  await fc.assert(
    fc.asyncProperty(someRows, fc.constantFrom(...DAMAGED_MAPS), fc.nat(), async (rows, name, at) => {
      const maps = typedNodeMaps((map) => new FakeBpfMap(map, NO_HOOKS));
      const target = openServiceTarget(maps);
      await target.update(rows, SIGNAL, await target.observe(SIGNAL));
      if (!takeOne(maps, name, at)) return;
      damages++;
      const seen = await target.observe(SIGNAL);
      const lost = [...rows].filter(([key, row]) => {
        const there = seen.get(key);
        return there === undefined || !target.isEqual(row, there);
      });
      assert.notEqual(lost.length, 0);
      assert.deepEqual(await target.update(new Map(lost), SIGNAL, seen), new Map());
      assert.deepEqual(await target.observe(SIGNAL), new Map(rows));
      assertNothingElse(maps, rows);
    }),
    { numRuns: 150 },
  );
  assert.ok(damages > 20, `${damages} damages`);
});

/** Takes an entry out of a map; false where there is none. */
function takeOne(maps: NodeMaps, name: (typeof DAMAGED_MAPS)[number], at: number): boolean {
  const take = <K>(map: { entries(): (readonly [K, unknown])[]; delete(key: K): void }): boolean => {
    const all = map.entries();
    const key = all[at % Math.max(1, all.length)]?.[0];
    if (key !== undefined) map.delete(key);
    return key !== undefined;
  };
  return {
    frontends: () => take(maps.frontends),
    addresses: () => take(maps.addresses),
    endpoints: () => take(maps.endpoints),
    members: () => take(maps.members),
    sourceRanges: () => take(maps.sourceRanges),
    maglevTables: () => take(maps.maglevTables),
  }[name]();
}

test('generations are never given twice, and the service keeps its number', async () => {
  const { maps } = new Rig();
  const seen = new Set<number>();
  const services = new Set<number>();
  for (let n = 0; n < 10; n++) {
    const row = anEbpfRow([{ ip: parseIp(`10.0.0.${n}`), port: parsePort(80) }]);
    await apply(maps, new Map([[frontendKey(row), row]]));
    const [, value] = maps.frontends.entries()[0]!;
    seen.add(value.insideGeneration);
    services.add(value.serviceId);
  }
  assert.deepEqual([seen.size, services.size], [10, 1]);
});

test('a delete reads as much as its own frontend has, however many there are', async () => {
  const maps = typedNodeMaps((name) => new FakeBpfMap(name, NO_HOOKS));
  const rows = new Map(
    Array.from({ length: 50 }, (_, n) => {
      const ip = parseIp(`10.96.0.${n % 25}`);
      const row = anEbpfRow([{ ip: parseIp('10.0.0.1'), port: parsePort(80) }], {
        ip,
        port: parsePort(1 + n),
      });
      return [frontendKey(row), row] as const;
    }),
  );
  const target = openServiceTarget(maps);
  await target.update(rows, SIGNAL, new Map());
  const left = new Map(rows);
  for (const map of [maps.frontends, maps.addresses, maps.endpoints, maps.members])
    map.entries = () => assert.fail('a walk over all entries');
  for (const [key, row] of [...rows].slice(0, 30)) {
    left.delete(key);
    assert.deepEqual(await target.delete(new Map([[key, row]]), SIGNAL), new Map());
  }
  for (const row of rows.values()) {
    const isUsed = [...left.values()].some((it) => it.ip === row.ip);
    assert.equal(maps.addresses.lookup({ ip: row.ip }) !== undefined, isUsed, row.ip);
  }
});
