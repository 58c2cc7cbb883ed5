// Runs every property of the tests for a time instead of a number of runs, and says per file how many runs there were and what fell.
// npm run fuzz -- [--seconds 300] [--seed N] [FILE...]: the time is for all files together, in equal parts per property.

import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { FuzzLine } from '../test/fuzz/scaled-assert.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const NODE = `${ROOT}node_modules/node/bin/node`;
/** Files side by side: most properties are pure and busy one core. */
const PARALLEL = 2;
/** Tests of a file beside its properties, and a last slow run. */
const GRACE_SECONDS = 180;
/** They change the kernel or time processes: one by one, after the others. */
const ALONE = /\.kernel\.test\.ts$|^test\/(kernel|contract|scenarios|e2e)\//;

interface Target {
  readonly file: string;
  readonly properties: number;
}

interface Outcome {
  readonly file: string;
  readonly isGreen: boolean;
  readonly lines: readonly FuzzLine[];
  /** What the test file printed; shown when it fell. */
  readonly output: string;
}

interface Options {
  readonly seed: number;
  readonly secondsPerProperty: number;
}

/** Every test file with properties, and how many it has. */
function findTargets(wanted: readonly string[]): readonly Target[] {
  const files = wanted.length > 0 ? wanted : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).sort();
  return files
    .map((file) => ({ file, properties: readFileSync(file, 'utf8').split('fc.assert(').length - 1 }))
    .filter(({ properties }) => properties > 0);
}

async function fuzzFile({ file, properties }: Target, options: Options): Promise<Outcome> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 't-fuzz-'));
  const report = path.join(folder, 'report');
  const seconds = options.secondsPerProperty;
  const args = [
    '--import',
    `${ROOT}test/fuzz/many-runs.ts`,
    '--test-reporter=spec',
    '--test-timeout=0',
    file,
  ];
  const env = {
    ...process.env,
    FAIRLEAD_FUZZ_SECONDS: String(seconds),
    FAIRLEAD_FUZZ_SEED: String(options.seed),
    FAIRLEAD_FUZZ_REPORT: report,
  };
  const { isGreen, output } = await run(args, env, Math.ceil((seconds * properties + GRACE_SECONDS) * 1000));
  const lines = readLines(report);
  rmSync(folder, { recursive: true, force: true });
  return { file, isGreen, lines, output };
}

interface Finished {
  readonly isGreen: boolean;
  readonly output: string;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv, timeout: number): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(NODE, [...args], {
      cwd: ROOT,
      env,
      timeout,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => resolve({ isGreen: code === 0, output }));
  });
}

function readLines(report: string): readonly FuzzLine[] {
  try {
    const lines = readFileSync(report, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as FuzzLine); // Written by scaled-assert.ts of this clone.
  } catch {
    return []; // The file ended before its first property did: its output says why.
  }
}

function tell({ file, isGreen, lines, output }: Outcome, seed: number): void {
  const runs = lines.reduce((sum, line) => sum + line.runs, 0);
  const verdict = isGreen ? 'ok    ' : 'FAILED';
  process.stdout.write(`${verdict} ${file}: ${lines.length} properties, ${runs} runs, seed ${seed}\n`);
  const failures = lines.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  if (!isGreen) process.stdout.write(`${failures.join('\n\n') || output}\n`);
}

/** Takes from one list with as many hands as `parallel`. */
async function fuzzAll(targets: readonly Target[], parallel: number, options: Options): Promise<boolean> {
  const waiting = [...targets];
  let isGreen = true;
  const hand = async (): Promise<void> => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const outcome = await fuzzFile(target, options);
      tell(outcome, options.seed);
      isGreen &&= outcome.isGreen;
    }
  };
  await Promise.all(Array.from({ length: parallel }, hand));
  return isGreen;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '300' }, seed: { type: 'string' } },
  });
  const all = findTargets(positionals);
  const targets = process.getuid?.() === 0 ? all : all.filter(({ file }) => !ALONE.test(file));
  const [alone, beside] = [
    targets.filter(({ file }) => ALONE.test(file)),
    targets.filter(({ file }) => !ALONE.test(file)),
  ];
  const count = (list: readonly Target[]): number =>
    list.reduce((sum, { properties }) => sum + properties, 0);
  const secondsPerProperty = Number(values.seconds) / (count(alone) + count(beside) / PARALLEL);
  const options = { seed: Number(values.seed ?? Date.now() % 2 ** 31), secondsPerProperty };
  const results = [await fuzzAll(beside, PARALLEL, options), await fuzzAll(alone, 1, options)];
  process.exitCode = results.every(Boolean) ? 0 : 1;
}

await main();
