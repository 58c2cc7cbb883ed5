// node bench/churn.ts [PODS] [WARM-UP]: makes and removes pods in turn and compares what the cluster holds before and after.
// JSON lines, one per number that differs; the last one is the verdict. Goal: nothing grows by more than 5 percent.

import { setTimeout as pause } from 'node:timers/promises';
import { fairlead } from '../test/support/cluster.ts';
import { PodChurn } from './churn/churn-pods.ts';
import { growth } from './churn/growth.ts';
import { takePicture, type RunningProcess } from './churn/picture.ts';

const NAME = 'bench-churn';
const COUNT = Number(process.argv[2] ?? 10_000);
/** Fills the API server's log, which keeps the last 10,000 revisions. */
const WARM_UP = Number(process.argv[3] ?? 1500);
const BATCH = 50;
/** Idle connections, delayed writes and the last re-observation end in less. */
const REST_MS = 30_000;

function print(row: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ bench: 'churn', ...row })}\n`);
}

function command(...args: readonly string[]): string {
  const result = fairlead([...args, '--name', NAME]);
  if (result.code !== 0) throw new Error(`fairlead ${args.join(' ')}: exit ${result.code}\n${result.stderr}`);
  return result.stdout;
}

async function rest(churn: PodChurn): Promise<ReturnType<typeof takePicture>> {
  await churn.forgetEvents();
  await pause(REST_MS);
  const { processes } = JSON.parse(command('status', '-o', 'json')) as {
    processes: RunningProcess[];
  };
  return takePicture(NAME, processes);
}

command('down', '-q');
try {
  command('up', '--nodes', '2', '--no-check', '-q');
  const churn = await PodChurn.open(NAME);
  await churn.run({ count: WARM_UP, batch: BATCH });
  const start = await rest(churn);
  const startedMs = performance.now();
  await churn.run({ count: COUNT, batch: BATCH });
  const seconds = (performance.now() - startedMs) / 1000;
  const end = await rest(churn);
  churn.close();
  const rows = growth(start, end);
  for (const row of rows) print({ what: row.name, ...row });
  const lost = rows.filter((row) => row.isOverGoal).map((row) => row.name);
  print({ what: `${COUNT} pods made and removed`, seconds, goalGrowthPercent: 5, overGoal: lost });
} finally {
  command('down', '-q');
}
