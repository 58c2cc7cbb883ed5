// Runs the tests: `unit` needs nothing, `kernel` needs root, `all` is both after the static checks, `file PATH...` is what it says,
// `kernel-files` prints what `kernel` would run on this machine's own kernel.
// Files run side by side, the virtual machine of kernel 6.1 beside them: each has namespaces, cgroups and clusters of its own, named after its process
// (`test/support/own-name.ts`), and looks at nothing else.

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { relative } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run as runFiles } from 'node:test';
import { spec } from 'node:test/reporters';
import { PURE_TESTS } from '../test/support/pure-tests.ts';

const KERNEL = ['src/**/*.kernel.test.ts', 'test/{kernel,contract,scenarios,e2e}/**/*.test.ts'];
/** Boots of another kernel under emulation: the files there bound themselves. */
const MACHINE = 'test/vm/';
const FILE_END = new URL('../test/support/file-end.ts', import.meta.url).href;
/** For one file: one that hangs must name itself, not hold up everything. The longest takes a minute and a half, four where a machine has other work. */
const TIMEOUT_MS = 480_000 * Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1);
const MACHINE_TIMEOUT_MS = 1_800_000;
/** Files at a time. Unit files compute; most of a kernel file's time is waiting: for the kernel, for a cluster, for silence. */
const SIDE_BY_SIDE = { unit: 2, kernel: 4 };
/** What takes 40 s or more begins before all others: at the end it would run alone. */
const LONGEST = [
  'test/scenarios/policy-cells.test.ts',
  'test/kernel/learned-names.test.ts',
  'test/kernel/policy-services.test.ts',
  'test/e2e/kubectl-api.test.ts',
  'test/contract/policy-table.test.ts',
  'test/kernel/kernel-names.test.ts',
  'test/scenarios/network.test.ts',
  'test/contract/service-iptables-nft.test.ts',
  'test/scenarios/churn.test.ts',
  'test/e2e/kubectl-outputs.test.ts',
  'test/contract/policy-chained.test.ts',
  'test/contract/service-nftables.test.ts',
  'test/contract/service-iptables-legacy.test.ts',
  'test/e2e/kubectl-cluster.test.ts',
  'test/e2e/policies.test.ts',
  'test/contract/policy-established.test.ts',
  'test/e2e/refusals.test.ts',
  'test/contract/policy-matrix.test.ts',
  'test/scenarios/policy-life.test.ts',
  'test/e2e/interrupted.test.ts',
  'test/kernel/node-local-dns.test.ts',
];
const LONGEST_TOLD = 15;
/** Held back until it is its turn. */
const MACHINE_OUTPUT_BYTES = 16 * 1024 * 1024;
const node = new URL('../node_modules/node/bin/node', import.meta.url).pathname;
/** Compiled sources are kept as bin/fairlead keeps them: hundreds of test processes load the same ones. */
process.env['NODE_COMPILE_CACHE'] ??= new URL('../build/compile-cache', import.meta.url).pathname;
/** Whoever ends this run ends the files that run: they would go on alone. */
const interrupted = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => {
    interrupted.abort();
    process.exitCode = code;
  });

/** In the order given, which `node --test` would not keep. */
async function run(
  name: string,
  files: readonly string[],
  concurrency: number,
  output: Writable = process.stdout,
): Promise<boolean> {
  if (files.length === 0) return true;
  if (interrupted.signal.aborted) return false;
  const isMachine = files.some((file) => file.includes(MACHINE));
  output.write(`# ${name}: ${files.length} files\n`);
  const tests = runFiles({
    files,
    concurrency,
    execArgv: ['--import', FILE_END],
    timeout: isMachine ? MACHINE_TIMEOUT_MS : TIMEOUT_MS,
    signal: interrupted.signal,
  });
  let isGood = false;
  const times: [file: string, milliseconds: number][] = [];
  tests.on('test:summary', ({ file, success, duration_ms: milliseconds }) => {
    if (file === undefined) isGood = success;
    else times.push([relative(process.cwd(), file), milliseconds]);
  });
  const began = performance.now();
  await pipeline(tests.compose(spec()), output, { end: false });
  output.write(`# ${name}: ${seconds(performance.now() - began)}; longest: ${longest(times)}\n`);
  return isGood;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(0)} s`;
}

/** What to make faster when the whole takes too long, and what LONGEST has to name. */
function longest(times: readonly (readonly [file: string, milliseconds: number])[]): string {
  return [...times]
    .sort(([, one], [, other]) => other - one)
    .slice(0, LONGEST_TOLD)
    .map(([file, milliseconds]) => `${file} ${seconds(milliseconds)}`)
    .join(', ');
}

function unit(): Promise<boolean> {
  // The pure ones are run by `test/pure.test.ts`.
  const others = new Set([...globSync(KERNEL), ...globSync(PURE_TESTS)]);
  const files = globSync([
    'src/**/*.test.ts',
    'test/*.test.ts',
    'test/{states,fuzz}/**/*.test.ts',
    'scripts/**/*.test.ts',
  ]);
  return run('unit', files.filter((file) => !others.has(file)).sort(), SIDE_BY_SIDE.unit);
}

/** All of them, each once. A name in LONGEST that no file has is a mistake, not a shorter list. */
function kernelOrder(): readonly string[] {
  const files = globSync(KERNEL).sort();
  const gone = LONGEST.filter((file) => !files.includes(file));
  if (gone.length > 0) throw new Error(`Cannot begin with ${gone.join(', ')}: no such kernel file`);
  return [...new Set([...LONGEST, ...files])];
}

/** The machine of kernel 6.1, which runs beside all else and is told of at the end; resolves to whether it was good. */
function machine(): () => Promise<boolean> {
  // An emulated machine keeps a processor busy, and waits for nobody: it runs beside files whose time is mostly waiting.
  const told = new PassThrough({ highWaterMark: MACHINE_OUTPUT_BYTES });
  const result = run('kernel 6.1', globSync(`${MACHINE}*.test.ts`), 1, told);
  return async () => {
    const isGood = await result;
    told.end();
    await pipeline(told, process.stdout, { end: false });
    return isGood;
  };
}

function isRoot(): boolean {
  if (process.getuid?.() === 0) return true;
  process.stderr.write('Cannot run the kernel tests: root is needed\n');
  return false;
}

async function kernel(machineEnded = isRoot() ? machine() : undefined): Promise<boolean> {
  if (machineEnded === undefined) return false;
  const isGood = await run('kernel', kernelOrder(), SIDE_BY_SIDE.kernel);
  return (await machineEnded()) && isGood;
}

function check(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(node, ['scripts/check.ts'], { stdio: 'inherit' });
    child.once('close', (code) => resolve(code === 0));
  });
}

/** The machine takes as long as all kernel files: it begins before everything. */
async function all(): Promise<boolean> {
  const machineEnded = isRoot() ? machine() : undefined;
  const results = [await check(), await unit(), machineEnded !== undefined && (await kernel(machineEnded))];
  return results.every(Boolean);
}

function kernelFiles(): boolean {
  process.stdout.write(`${globSync(KERNEL).sort().join('\n')}\n`);
  return true;
}

const [what = 'all', ...files] = process.argv.slice(2);
const WHATS: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  unit,
  kernel,
  'kernel-files': kernelFiles,
  file: () => run('file', files, 1),
  all,
};
const chosen = WHATS[what];
if (chosen === undefined)
  process.stderr.write(`Cannot run ${what}: known are ${Object.keys(WHATS).join(', ')}\n`);
const isGood = (await chosen?.()) === true;
process.exitCode ??= isGood ? 0 : 1;
