import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeNfTables } from '../../../test/support/fake-nf-tables.ts';
import { aFrontend } from '../../../test/support/service-samples.ts';
import { hostCidr } from '../../base/cidr.ts';
import { ipFromBytes, type Ip } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import { FairleadError, hasCode } from '../../base/errors.ts';
import { addressKey, encodeElement, setName } from './element-codec.ts';
import type { FrontendRow, FrontendSet } from './frontend-row.ts';
import { renderFrontend } from './render.ts';
import { SERVICE_TABLE } from './skeleton-entry.ts';
import { frontendTarget } from './target.ts';

const SIGNAL = new AbortController().signal;
const [A, B, C] = ['10.244.1.7:80', '10.244.1.8:80', '10.244.1.9:80'] as const;
type Rows = ReadonlyMap<string, FrontendRow>;

function rowsOf(...frontends: readonly Frontend[]): Rows {
  return new Map(
    frontends.flatMap((it) => {
      const row = renderFrontend(it);
      return row === undefined ? [] : [[frontendKey(it), row] as const];
    }),
  );
}

/** Frontends on three addresses and ports, so that they meet. */
function aService(number: number, endpoints: readonly string[], over: Partial<Frontend> = {}): Frontend {
  return aFrontend(endpoints, { port: parsePort(80 + number), ...over });
}

function nothingWanted(target: Target<FrontendRow>, rows: Rows, seen: Rows): void {
  assert.deepEqual([...seen.keys()].toSorted(), [...rows.keys()].toSorted());
  for (const [key, row] of rows) {
    const there = seen.get(key);
    assert.ok(there !== undefined && target.isEqual(row, there), key);
  }
}

const anIp = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes);
const anIp6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes);

function aRandom(ip: fc.Arbitrary<Ip>): fc.Arbitrary<Frontend> {
  const endpoint = fc.tuple(ip, fc.integer({ min: 1, max: 65535 })).map(([it, port]) => `${it.includes(':') ? `[${it}]` : it}:${port}`); // prettier-ignore
  return fc
    .record({
      ip,
      port: fc.integer({ min: 1, max: 65535 }).map(parsePort),
      protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
      endpoints: fc.uniqueArray(endpoint, { maxLength: 20 }),
      affinityTimeoutS: fc.constantFrom(undefined, 60, 10_800),
      masqueradesOutside: fc.boolean(),
      sourceRanges: fc.option(fc.array(ip.map(hostCidr), { maxLength: 3 }), { nil: undefined }),
    })
    .map(({ endpoints, ...over }) => aFrontend(endpoints, over));
}

test('what the table gets is read back as the rows that were rendered, by a target without memory', async () => {
  const some = fc.array(fc.oneof(aRandom(anIp), aRandom(anIp6)), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(some, some, async (first, second) => {
      const tables = new FakeNfTables();
      // Kinds of flows are rules, which are text for nft(8): of those the table has from the start none is asked for.
      const rows = [first, second].map((it) => rowsOf(...it.map((one) => ({ ...one, affinityTimeoutS: undefined }))));
      const target = frontendTarget(tables, {});
      for (const want of rows) {
        const few = new Map([...want].filter(([, row]) => row.elements.size < 16));
        const seen = await target.observe(SIGNAL);
        assert.equal((await target.update(few, SIGNAL, seen)).size, 0);
        const gone = new Map([...seen].filter(([key]) => !few.has(key)));
        assert.equal((await target.delete(gone, SIGNAL)).size, 0);
        nothingWanted(target, few, await frontendTarget(tables, {}).observe(SIGNAL));
        nothingWanted(target, few, await target.observe(SIGNAL));
      }
    }),
    { numRuns: 60 },
  ); // prettier-ignore
});

test('a change is one transaction of what differs, and nothing is listed for it', async () => {
  const tables = new FakeNfTables();
  const target = frontendTarget(tables, {});
  const from = rowsOf(aService(1, [A, B]), aService(2, [A]));
  await target.update(from, SIGNAL, await target.observe(SIGNAL));
  const listed = tables.listCount;
  tables.transactions.length = 0;
  const to = rowsOf(aService(1, [A, C]));
  await target.update(to, SIGNAL, await target.observe(SIGNAL));
  // One endpoint goes, one comes.
  assert.deepEqual(tables.transactions, [2]);
  assert.equal(tables.listCount, listed);
  nothingWanted(target, new Map([...from, ...to]), await target.observe(SIGNAL));
});

test('what another hand changes is seen at the next look, and made good', async () => {
  const tables = new FakeNfTables();
  const target = frontendTarget(tables, {});
  const rows = rowsOf(aService(1, [A, B]), aService(2, [A]));
  await target.update(rows, SIGNAL, await target.observe(SIGNAL));
  const [[key, row] = ['', undefined]] = [...rows];
  assert.ok(row !== undefined);
  takeAway(tables, row, 'endpoints 0x40000001');
  const seen = await target.observe(SIGNAL);
  assert.equal(seen.get(key)?.elements.has('endpoints 0x40000001'), false);
  assert.equal((await target.update(new Map([[key, row]]), SIGNAL, seen)).size, 0);
  nothingWanted(target, rows, await target.observe(SIGNAL));
});

test('what another hand changes between look and change is looked up, and the true difference made', async () => {
  const tables = new FakeNfTables();
  const target = frontendTarget(tables, {});
  const from = rowsOf(aService(1, [A, B]));
  await target.update(from, SIGNAL, await target.observe(SIGNAL));
  const seen = await target.observe(SIGNAL);
  for (const row of from.values()) takeAway(tables, row, 'endpoints 0x40000001');
  const to = rowsOf(aService(1, [A]));
  assert.equal((await target.update(to, SIGNAL, seen)).size, 0);
  nothingWanted(target, to, await target.observe(SIGNAL));
});

for (const place of [0, 1]) {
  test(`a row that the table refuses holds back no other: ${place === 0 ? 'first' : 'last'} of two`, async () => {
    const tables = new FakeNfTables();
    const rows = rowsOf(aService(1, [A]), aService(2, [A]));
    const entry = [...rows][place];
    assert.ok(entry);
    const [bad, row] = entry;
    const begin = hex(addressKey(row));
    const real = tables.apply.bind(tables);
    tables.apply = (changes, generation) => {
      const at = changes.findIndex(({ elements }) => elements.some((it) => hex(it.key).startsWith(begin)));
      if (at < 0) return real(changes, generation);
      const error = new FairleadError('kernel', 'Cannot change it: no space', {
        details: { errno: 'ENOSPC' },
      });
      return [{ at, error }];
    };
    const failures = await frontendTarget(tables, {}).update(rows, SIGNAL, new Map());
    assert.deepEqual([...failures.keys()], [bad]);
    assert.ok(hasCode(failures.get(bad), 'kernel'));
    const rest = new Map([...rows].filter(([key]) => key !== bad));
    nothingWanted(frontendTarget(tables, {}), rest, await frontendTarget(tables, {}).observe(SIGNAL));
  });
}

function takeAway(tables: FakeNfTables, row: FrontendRow, name: `${FrontendSet} ${string}`): void {
  const element = encodeElement(addressKey(row), name, undefined);
  const set = setName('endpoints', 4);
  assert.deepEqual(tables.apply([{ kind: 'delete', table: SERVICE_TABLE, set, elements: [element] }]), []);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
