// What changes cost a Gateway's proxy and its users: from the change of an object until requests meet it, at thousands of routes. Prints JSON lines. Everything runs
// in a network namespace of its own: API server, control and HAProxy are processes as in a cluster.
// usage: node bench/gateway-changes.ts [--routes=5000] [--few=1000] [--changes=50] [--endpoint-churn=10] [--churn=30] [--churn-every=50] [--only=effects,losses,recovery,churn]

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { measureEffects } from './gateway-changes/effects.ts';
import { measureLosses } from './gateway-changes/losses.ts';
import { measureChurn, memoryOf } from './gateway-changes/memory.ts';
import { measureRecovery } from './gateway-changes/recovery.ts';
import { openWorld, type World } from './gateway-changes/world.ts';

const INSIDE = 'FAIRLEAD_BENCH_INSIDE';
const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '5000' },
    /** Recovery is measured at these many too. */
    few: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '50' },
    'endpoint-churn': { type: 'string', default: '10' },
    churn: { type: 'string', default: '30' },
    /** Milliseconds from one change to the next. */
    'churn-every': { type: 'string', default: '50' },
    only: { type: 'string', default: 'effects,losses,recovery,churn' },
  },
});
const parts = new Set(values.only.split(','));

function print(row: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ bench: 'gateway-changes', ...row })}\n`);
}

/** Again, in a namespace where every port and address is ours. */
function runInside(): number {
  const script = 'ip link set lo up && exec "$0" "$@"';
  const own = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const env = { ...process.env, [INSIDE]: 'yes' };
  return spawnSync('unshare', ['--net', 'sh', '-c', script, ...own], { stdio: 'inherit', env }).status ?? 1;
}

async function inWorld(routes: number, work: (world: World) => Promise<void>): Promise<void> {
  const world = await openWorld(routes);
  try {
    await work(world);
  } catch (error) {
    // Before the end of all that was started, which may take its time.
    process.stderr.write(`${inspect(error)}\n`);
    process.exitCode = 1;
  } finally {
    await world.close();
  }
}

async function recover(world: World, goalMs: number): Promise<void> {
  const { routes } = world;
  for await (const recovery of measureRecovery(world)) print({ routes, goalMs, ...recovery });
}

async function measure(world: World): Promise<void> {
  const { routes } = world;
  if (parts.has('effects'))
    for await (const effect of measureEffects(world, Number(values.changes)))
      print({ routes, goalP99Ms: 50, ...effect });
  print({ what: 'memory', routes, goalControlMb: 250, ...(await memoryOf(world)) });
  if (parts.has('losses'))
    for await (const loss of measureLosses(world, Number(values['endpoint-churn'])))
      print({ routes, goalFailed: 0, ...loss });
  if (parts.has('churn')) {
    const times = { seconds: Number(values.churn), everyMs: Number(values['churn-every']) };
    print({ routes, goalFailed: 0, goalReloads: 0, ...(await measureChurn(world, times)) });
  }
  if (parts.has('recovery')) await recover(world, 3000);
}

if (process.env[INSIDE] === undefined) process.exitCode = runInside();
else {
  if (parts.has('recovery')) await inWorld(Number(values.few), (world) => recover(world, 1000));
  await inWorld(Number(values.routes), measure);
}
