// Pods made and removed in turn leave nothing in the kernel and nothing in any process. bench/churn.ts does the same with 10,000.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PodChurn } from '../../bench/churn/churn-pods.ts';
import { growth } from '../../bench/churn/growth.ts';
import { takePicture, type Picture, type RunningProcess } from '../../bench/churn/picture.ts';
import { clusterName, fairlead } from '../support/cluster.ts';

const NAME = clusterName('ch');
const WARM_UP = 200;
const COUNT = 200;
const BATCH = 50;
/** Idle connections end and what was done is observed again in less. */
const REST_MS = 10_000;
/** Fills until 10,000 revisions are kept. */
const STILL_FILLING = 'machine API database KiB';
/** After a warm-up this short caches still fill; a leak of one pod's object is a kilobyte and more per pod. */
const HEAP_SLACK_KIB = COUNT * 4;

let churn: PodChurn;

before(async () => {
  const up = fairlead(['up', '--name', NAME, '--nodes', '2', '--no-check', '-q']);
  assert.equal(up.code, 0, up.stderr);
  churn = await PodChurn.open(NAME);
});
after(() => {
  churn?.close();
  fairlead(['down', '--name', NAME, '-q']);
});

function look(): Picture {
  const { processes } = JSON.parse(fairlead(['status', '--name', NAME, '-o', 'json']).stdout) as {
    processes: RunningProcess[];
  };
  return takePicture(NAME, processes);
}

async function restAndLook(): Promise<Picture> {
  await churn.forgetEvents();
  await pause(REST_MS);
  return look();
}

function lost(start: Picture, end: Picture): readonly string[] {
  return growth(start, end)
    .filter((row) => row.isOverGoal && row.name !== STILL_FILLING)
    .filter((row) => !(row.name.endsWith('KiB') && row.end - row.start < HEAP_SLACK_KIB))
    .map((row) => `${row.name}: ${row.start} to ${row.end}`);
}

test('pods that live are seen as links, routes, neighbours, map entries, addresses and namespaces', async () => {
  const start = look();
  let during: Picture = {};
  await churn.run({ count: BATCH, batch: BATCH, whenReady: async () => void (during = look()) });
  const seen = lost(start, during).map((line) => line.replace(/^node-[12] /, '').replace(/:.*/, ''));
  for (const name of [
    'links',
    'routes of IPv4',
    'routes of IPv6',
    'permanent neighbours',
    'map pod_interfaces',
    'machine namespaces',
  ])
    assert.ok(seen.includes(name), `${name} is not in ${seen.join(', ')}`);
  assert.ok(
    seen.some((name) => name.includes('state="used"')),
    seen.join(', '),
  );
});

test(`${COUNT} pods made and removed leave no link, route, map entry, address, descriptor or memory`, async () => {
  await churn.run({ count: WARM_UP, batch: BATCH });
  const start = await restAndLook();
  await churn.run({ count: COUNT, batch: BATCH });
  assert.deepEqual(lost(start, await restAndLook()), []);
});
