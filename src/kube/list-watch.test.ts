import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../objects/api-types.ts';
import fc from 'fast-check';
import { FakeKubeApi } from '../../test/support/fake-kube-api.ts';
import { eventually } from '../../test/support/eventually.ts';
import { Table } from '../store/table.ts';
import { KubeClient } from './kube-client.ts';
import { ListWatch, type ListWatchOptions } from './list-watch.ts';
import { keyOf } from '../objects/meta.ts';
import { CONFIG_MAPS } from './resource.ts';

interface Rig {
  readonly api: FakeKubeApi;
  readonly table: Table<string>;
  readonly listWatch: ListWatch<ConfigMap, string>;
}

/** A server, a list-watch that keeps `data.value` of each object, and their end. */
async function withRig(
  options: Partial<ListWatchOptions<ConfigMap, string>>,
  body: (rig: Rig) => Promise<void>,
): Promise<void> {
  const api = new FakeKubeApi();
  const client = new KubeClient(await api.start());
  const table = new Table<string>({ name: 'configmaps', isEqual: (a, b) => a === b }, () => undefined);
  const listWatch = new ListWatch({
    client,
    resource: CONFIG_MAPS,
    convert: (object) => object.data?.['value'],
    sink: table,
    backoff: { firstMs: 2, maxMs: 10, factor: 2 },
    ...options,
  });
  const abort = new AbortController();
  const run = listWatch.run(abort.signal);
  try {
    await body({ api, table, listWatch });
  } finally {
    abort.abort();
    await run;
    client.close();
    await api.stop();
  }
}

function put(api: FakeKubeApi, name: string, value: string): void {
  api.put(CONFIG_MAPS, { metadata: { namespace: 'shop', name }, data: { value } });
}

function contentOf(api: FakeKubeApi): Map<string, string> {
  return new Map(api.all(CONFIG_MAPS).map((each) => [keyOf(each), each.data?.['value'] ?? '']));
}

function assertSame(rig: Rig): void {
  const sorted = (entries: Iterable<readonly [string, string]>) =>
    [...entries].sort(([a], [b]) => a.localeCompare(b));
  assert.deepEqual(sorted(rig.table.entries()), sorted(contentOf(rig.api)));
}

function lists(api: FakeKubeApi): number {
  return api.requests.filter(({ url }) => url.searchParams.get('watch') === null).length;
}

test('ListWatch follows puts and deletes', () =>
  withRig({}, async (rig) => {
    put(rig.api, 'a', '1');
    await eventually(() => rig.api.openWatches === 1);
    put(rig.api, 'b', '2');
    put(rig.api, 'a', '3');
    rig.api.delete(CONFIG_MAPS, 'shop/b');
    await eventually(() => assertSame(rig));
    assert.equal(lists(rig.api), 1);
  }));

test('ListWatch resumes from the last revision after a cut, without a list', () =>
  withRig({}, async (rig) => {
    await eventually(() => rig.api.openWatches === 1);
    put(rig.api, 'a', '1');
    await eventually(() => rig.table.size === 1);
    rig.api.endWatches('cut');
    put(rig.api, 'b', '2');
    await eventually(() => assertSame(rig));
    assert.equal(lists(rig.api), 1);
  }));

test('ListWatch lists anew after 410 and deletes what vanished meanwhile', () =>
  withRig({}, async (rig) => {
    await eventually(() => rig.api.openWatches === 1);
    put(rig.api, 'a', '1');
    put(rig.api, 'b', '1');
    await eventually(() => rig.table.size === 2);
    rig.api.fault = ({ url }) => (url.searchParams.has('watch') ? 503 : undefined);
    rig.api.endWatches('cut');
    rig.api.delete(CONFIG_MAPS, 'shop/a');
    rig.api.compact();
    rig.api.fault = () => undefined;
    await eventually(() => assertSame(rig));
    assert.equal(rig.table.has('shop/a'), false);
    assert.equal(lists(rig.api), 2);
  }));

test('ListWatch treats an object that cannot be converted as absent and goes on', () => {
  const problems: string[] = [];
  const convert = (object: ConfigMap): string => {
    const value = object.data?.['value'] ?? '';
    if (value === 'bad') throw new TypeError('no value');
    return value;
  };
  return withRig({ convert, onProblem: (error) => problems.push(error.message) }, async (rig) => {
    put(rig.api, 'a', '1');
    await eventually(() => rig.table.size === 1);
    put(rig.api, 'a', 'bad');
    put(rig.api, 'b', '2');
    await eventually(() => rig.table.has('shop/b'));
    assert.equal(rig.table.has('shop/a'), false);
    assert.deepEqual(problems, ['Cannot use configmaps shop/a: no value']);
    assert.equal(rig.listWatch.health().refused, 1);
  });
});

test('ListWatch does not ask in a tight loop while the server fails', () =>
  withRig({ backoff: { firstMs: 20, maxMs: 80, factor: 2 } }, async (rig) => {
    await eventually(() => rig.api.openWatches === 1);
    rig.api.fault = () => 503;
    rig.api.endWatches('cut');
    const start = rig.api.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const asked = rig.api.requests.length - start;
    assert.ok(asked >= 3 && asked <= 20, `${asked} requests in 500 ms`);
  }));

test('ListWatch does not ask in a tight loop when the server ends every watch at once', () =>
  withRig({ backoff: { firstMs: 20, maxMs: 80, factor: 2 } }, async (rig) => {
    const timer = setInterval(() => rig.api.endWatches('end'), 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    clearInterval(timer);
    assert.ok(rig.api.requests.length <= 24, `${rig.api.requests.length} requests in 500 ms`);
  }));

test('ListWatch drops a watch that is silent for too long and opens another', () =>
  withRig({ idleLimitMs: 30 }, async (rig) => {
    await eventually(() => rig.listWatch.health().watches >= 3);
    put(rig.api, 'a', '1');
    await eventually(() => assertSame(rig));
    assert.equal(lists(rig.api), 1);
  }));

const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), name: fc.integer({ min: 0, max: 5 }), value: fc.integer() }),
  fc.record({ do: fc.constant('delete' as const), name: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ do: fc.constantFrom('cut' as const, 'end' as const, 'compact' as const, 'fail' as const) }),
  fc.record({ do: fc.constantFrom('garbage' as const, 'half' as const) }),
);

function perform(api: FakeKubeApi, each: typeof step extends fc.Arbitrary<infer S> ? S : never): void {
  let faults = 0;
  let mangled = 0;
  switch (each.do) {
    case 'put':
      return put(api, `c${each.name}`, String(each.value));
    case 'delete':
      return api.delete(CONFIG_MAPS, `shop/c${each.name}`);
    case 'cut':
    case 'end':
      return api.endWatches(each.do);
    case 'compact':
      return api.compact();
    case 'fail':
      api.fault = () => (faults++ < 2 ? (faults === 1 ? 500 : 'destroy') : undefined);
      return api.endWatches('cut');
    case 'garbage':
      api.mangle = (line) =>
        mangled++ === 0 ? { text: '{"type": oops\n', isCut: false } : { text: line, isCut: false };
      return;
    case 'half':
      api.mangle = (line) =>
        mangled++ === 0
          ? { text: line.slice(0, line.length / 2), isCut: true }
          : { text: line, isCut: false };
      return;
  }
}

test('ListWatch always converges, whatever the server and the network do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.integer({ min: 0, max: 3 })), { maxLength: 25 }), (steps) =>
      withRig({}, async (rig) => {
        for (const [each, pauseMs] of steps) {
          perform(rig.api, each);
          if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        rig.api.mangle = (text) => ({ text, isCut: false });
        rig.api.fault = () => undefined;
        put(rig.api, 'last', 'x');
        await eventually(() => assertSame(rig));
      }),
    ),
    { numRuns: 60 },
  );
});
