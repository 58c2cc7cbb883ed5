// The table on the real kernel: what is read back, what another hand changed, and what stays for open connections when the backend leaves.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { buildServiceWorld, type ServiceWorld } from '../../../test/contract/service-world.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { parseCidr } from '../../base/cidr.ts';
import { hasCode } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend, type ServiceView } from '../../model/network.ts';
import { openConntrack } from '../../sys/conntrack.ts';
import { openNfTables, type NfTables } from '../../sys/nf-tables.ts';
import { applyNft } from '../../sys/nft.ts';
import { renderFrontends } from '../shared-node/service-backend.ts';
import { NFTABLES_RENDERING, renderSkeleton } from './render.ts';
import { isSameSkeleton, SERVICE_TABLE, SKELETON_KEY, SKELETON_MARK } from './skeleton-entry.ts';
import { skeletonTarget } from './skeleton-target.ts';
import { frontendTarget } from './target.ts';

const SIGNAL = new AbortController().signal;
const lifetime = new Lifetime('test');
const ENDPOINT = { ip: '10.77.0.11', port: 8080 };
const SERVICE = { ip: '10.96.0.5', port: 80 };
const TABLE = `inet ${SERVICE_TABLE}`;

/** Everything that a row can have. */
const FRONTENDS: readonly Frontend[] = [
  aFrontend([`${ENDPOINT.ip}:${ENDPOINT.port}`]),
  aFrontend(Array.from({ length: 20 }, (_, at) => `[fd77::${at + 1}]:8080`), {
    ip: parseIp('fd00:96::5'),
    affinityTimeoutS: 60,
    protocol: 'SCTP',
  }),
  aFrontend([], { ip: parseIp('203.0.113.7'), port: parsePort(53), protocol: 'UDP', masqueradesOutside: false, sourceRanges: ['192.0.2.0/24', '198.51.100.7/32'].map(parseCidr), outside: { endpoints: [], whenEmpty: 'drop' } }),
]; // prettier-ignore

const VIEW: ServiceView = {
  node: SERVICE_NODE,
  frontends: new Map(FRONTENDS.map((it) => [frontendKey(it), it])),
  cluster: { podCidrs: [], serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd00:96::/112')], clusterDomain: 'cluster.local', dnsIps: [], nodePortAddresses: [], allowsExternalIps: true },
}; // prettier-ignore
const SKELETON = renderSkeleton(VIEW);
const ROWS = renderFrontends(NFTABLES_RENDERING, VIEW);

let world: ServiceWorld;
let tables: NfTables;
let skeleton: ReturnType<typeof skeletonTarget>;
let frontends: ReturnType<typeof frontendTarget>;

before(() => {
  world = buildServiceWorld(['client', 'a'], lifetime);
  const place = { netns: world.nodeNetns };
  tables = lifetime.own('tables', openNfTables(world.nodeNetns), (it) => it.close());
  const conntrack = lifetime.own('flows', openConntrack(world.nodeNetns), (it) => it.close());
  skeleton = skeletonTarget({ tables, conntrack, place });
  frontends = frontendTarget(tables, place);
});
after(() => lifetime.close());

/** As the engine does it: the table, then its elements, each from what is there. */
async function carry(): Promise<void> {
  const seen = await skeleton.observe(SIGNAL);
  if (!isSkeletonThere(seen)) assert.deepEqual(await skeleton.update(SKELETON, SIGNAL, seen), new Map());
  assert.deepEqual(await frontends.update(ROWS, SIGNAL, await frontends.observe(SIGNAL)), new Map());
}

function isSkeletonThere(seen: Awaited<ReturnType<typeof skeleton.observe>>): boolean {
  const [want, there] = [SKELETON.get(SKELETON_KEY), seen.get(SKELETON_KEY)];
  return want !== undefined && there !== undefined && isSameSkeleton(want, there);
}

async function assertCarried(): Promise<void> {
  assert.deepEqual(await skeleton.observe(SIGNAL), SKELETON);
  // A target that remembers nothing, and the one that wrote it.
  for (const target of [frontendTarget(tables, {}), frontends]) {
    const seen = await target.observe(SIGNAL);
    assert.deepEqual([...seen.keys()].toSorted(), [...ROWS.keys()].toSorted());
    for (const [key, row] of ROWS) {
      assert.deepEqual(
        Object.fromEntries(seen.get(key)?.elements ?? []),
        Object.fromEntries(row.elements),
        key,
      );
    }
  }
}

test('what was written is read back whole', async () => {
  assert.deepEqual(await skeleton.observe(SIGNAL), new Map());
  assert.deepEqual(await frontends.observe(SIGNAL), new Map());
  await carry();
  await assertCarried();
});

const DAMAGES: readonly { readonly name: string; readonly script: string }[] = [
  { name: 'a rule that was deleted', script: `flush chain ${TABLE} outside` },
  { name: 'a rule that was added', script: `insert rule ${TABLE} inside drop` },
  { name: 'a chain of somebody else', script: `add chain ${TABLE} mine` },
  { name: 'a kind of flow without its place', script: 'delete element inet fairlead-services kinds { 0x4001e014 }' },
  { name: 'all places of kinds', script: `flush map ${TABLE} kinds` },
  { name: 'a prefix of pods', script: `flush set ${TABLE} pods4` },
  { name: 'endpoints', script: `flush map ${TABLE} endpoints6` },
  { name: 'a Service of nobody', script: `add element ${TABLE} services4 { 10.96.0.9 . tcp . 80 : 0x40000001 }` },
  { name: 'a source range', script: `flush set ${TABLE} allowed4` },
  { name: 'the table', script: `delete table ${TABLE}` },
]; // prettier-ignore

for (const { name, script } of DAMAGES) {
  test(`what another hand changed is seen and made good: ${name}`, async () => {
    await carry();
    await applyNft(`${script}\n`, { netns: world.nodeNetns });
    const rows = await frontends.observe(SIGNAL);
    const isSeen =
      !isSkeletonThere(await skeleton.observe(SIGNAL)) ||
      rows.size !== ROWS.size ||
      [...ROWS].some(
        ([key, row]) => !frontends.isEqual(row, rows.get(key) ?? { ...row, elements: new Map() }),
      );
    assert.ok(isSeen, 'nothing was seen');
    const foreign = new Map([...rows].filter(([key]) => !ROWS.has(key)));
    await carry();
    assert.deepEqual(await frontends.delete(foreign, SIGNAL), new Map());
    await assertCarried();
  });
}

test('a backend that leaves keeps what open connections need, and nothing when the last has ended', async () => {
  await carry();
  const [server, client] = ['a', 'client'].map((pod) => world.startPeer(pod, { isInCgroup: false }));
  assert.ok(server !== undefined && client !== undefined);
  await server.ask({ kind: 'listen', protocol: 'TCP', says: 'a', ...ENDPOINT });
  const ask = () => client.ask({ kind: 'hold', socket: 'open', ...SERVICE });
  assert.deepEqual((await ask()).said, ['a']);

  assert.deepEqual(await frontends.delete(await frontends.observe(SIGNAL), SIGNAL), new Map());
  const leave = async () => [...(await skeleton.delete(await skeleton.observe(SIGNAL), SIGNAL)).values()];
  for (const round of ['first', 'second']) {
    const failures = await leave();
    assert.ok(failures.length === 1 && hasCode(failures[0], 'draining'), round);
    assert.deepEqual((await ask()).said, ['a'], 'the connection lives on');
  }
  assert.notEqual((await skeleton.observe(SIGNAL)).get(SKELETON_KEY)?.mark, SKELETON_MARK);
  assert.notEqual(
    (await client.ask({ kind: 'connect', ...SERVICE })).error,
    undefined,
    'new ones find nobody',
  );

  await client.ask({ kind: 'forget' });
  // The kernel keeps a closed connection for a while; here nobody waits for that.
  const conntrack = openConntrack(world.nodeNetns);
  await conntrack.forget(() => true);
  conntrack.close();
  await eventually(async () => assert.deepEqual(await leave(), []));
  assert.deepEqual(await skeleton.observe(SIGNAL), new Map());
});
