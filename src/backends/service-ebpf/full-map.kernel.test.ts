// A map without room, in the kernel: the frontend that does not fit is named, and what stands goes on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { maglevSize } from '../../base/maglev.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import { buildServiceWorld } from '../../../test/contract/service-world.ts';
import { anEbpfRow } from '../../../test/support/ebpf-row.ts';
import { openNodeBpf, type NodeBpf } from '../shared-bpf/node-bpf.ts';
import type { FrontendRow } from './frontend-row.ts';
import { partCount } from './maglev-tables.ts';
import { openServiceTarget } from './target.ts';

const OBJECTS = new URL('../../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;
const ROOM = 8;
/** One table of the smallest size. */
const TABLE_PARTS = partCount(maglevSize(2));

const lifetime = new Lifetime('test');
let bpf: NodeBpf;
let target: Target<FrontendRow>;

before(async () => {
  const { pinDir, nodeNetns } = buildServiceWorld([], lifetime);
  const maxEntries = new Map([
    ['endpoints', ROOM],
    ['maglev_tables', TABLE_PARTS],
  ]);
  const place = { pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns: nodeNetns };
  bpf = await openNodeBpf({ ...place, maxEntries }, lifetime);
  lifetime.defer('BPF', () => bpf.detachAll());
  target = openServiceTarget(bpf.maps);
});
after(() => lifetime.close());

function aRow(ip: string, endpoints: number): FrontendRow {
  const hosts = Array.from({ length: endpoints }, (_, at) => parseIp(`10.77.0.${at + 1}`));
  return anEbpfRow(
    hosts.map((host) => ({ ip: host, port: parsePort(8080) })),
    { ip: parseIp(ip) },
  );
}

function byKey(...rows: readonly FrontendRow[]): ReadonlyMap<string, FrontendRow> {
  return new Map(rows.map((row) => [frontendKey(row), row]));
}

function endpointsFill(): unknown {
  return bpf.fills().find((it) => it.map === 'endpoints');
}

test('rows that fit are written, the one that does not names map, size and frontend', async () => {
  const [first, second, third] = [aRow('10.96.0.1', 3), aRow('10.96.0.2', 6), aRow('10.96.0.3', 2)];
  const failures = await target.update(byKey(first, second, third), SIGNAL, new Map());
  assert.deepEqual([...failures.keys()], ['10.96.0.2:80/TCP']);
  assert.match(
    String(failures.get('10.96.0.2:80/TCP')),
    /Cannot write frontend 10\.96\.0\.2:80\/TCP: .*BPF map endpoints: the map is full, it holds 8 entries/,
  );
  assert.deepEqual(await target.observe(SIGNAL), byKey(first, third));
  assert.deepEqual(endpointsFill(), {
    map: 'endpoints',
    entries: 5,
    maxEntries: ROOM,
    limit: ROOM,
    growths: 0,
  });
});

test('a change that does not fit leaves the frontend as it was', async () => {
  const seen = await target.observe(SIGNAL);
  const failures = await target.update(byKey(aRow('10.96.0.1', 4)), SIGNAL, seen);
  assert.equal(failures.size, 1);
  assert.deepEqual(await target.observe(SIGNAL), seen);
  assert.deepEqual(endpointsFill(), {
    map: 'endpoints',
    entries: 5,
    maxEntries: ROOM,
    limit: ROOM,
    growths: 0,
  });
});

test('where room has come, the row is written', async () => {
  const seen = await target.observe(SIGNAL);
  await target.delete(byKey(aRow('10.96.0.3', 2)), SIGNAL);
  const wanted = aRow('10.96.0.1', 4);
  assert.deepEqual(await target.update(byKey(wanted), SIGNAL, seen), new Map());
  assert.deepEqual(await target.observe(SIGNAL), byKey(wanted));
});

test('a table that does not fit: its frontend is named, and the one that has a table keeps it', async () => {
  await target.delete(await target.observe(SIGNAL), SIGNAL);
  const rows = ['10.96.0.1', '10.96.0.2'].map((ip) => ({ ...aRow(ip, 2), isMaglev: true }));
  const failures = await target.update(byKey(...rows), SIGNAL, new Map());
  assert.deepEqual([...failures.keys()], ['10.96.0.2:80/TCP']);
  assert.match(
    String(failures.get('10.96.0.2:80/TCP')),
    /BPF map maglev_tables: the map is full, it holds 2/,
  );
  assert.deepEqual(await target.observe(SIGNAL), byKey(...rows.slice(0, 1)));
});
