// Runs the tests: `unit` needs nothing, `kernel` needs root, `all` is both after the static checks, `file PATH...` is what it says,
// `kernel-files` prints what `kernel` would run on this machine's own kernel.
// Kernel files run one at a time (they share one machine), unit files side by side; the virtual machine, which keeps one core busy, beside
// those and the kernel files that stand in `src`.

import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const KERNEL_PARTS = 'src/**/*.kernel.test.ts';
const KERNEL_WHOLE = 'test/{kernel,contract,scenarios,e2e}/**/*.test.ts';
const KERNEL = [KERNEL_PARTS, KERNEL_WHOLE];
/** Boots of another kernel under emulation: the files there bound themselves. */
const MACHINE = 'test/vm/';
/** How patient the tests' waits are (test/support/time-scale.ts). */
const TIME_SCALE = Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1);
/** While the virtual machine runs beside. */
const BUSY_TIME_SCALE = 3 * TIME_SCALE;
/** For one file: one that hangs must name itself, not hold up everything. */
const TIMEOUT_MS = 300_000 * TIME_SCALE;
const MACHINE_TIMEOUT_MS = 900_000;
const node = new URL('../node_modules/node/bin/node', import.meta.url).pathname;
/** Compiled sources are kept as bin/fairlead keeps them: hundreds of test processes load the same ones. */
const cache = new URL('../build/compile-cache', import.meta.url).pathname;
const env = { NODE_COMPILE_CACHE: cache, ...process.env };

function testArguments(files: readonly string[], concurrency: number): string[] {
  const isMachine = files.some((file) => file.includes(MACHINE));
  return [
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    `--test-timeout=${isMachine ? MACHINE_TIMEOUT_MS : TIMEOUT_MS}`,
    ...files,
  ];
}

function run(name: string, files: readonly string[], concurrency: number, timeScale = TIME_SCALE): boolean {
  if (files.length === 0) return true;
  process.stdout.write(`# ${name}: ${files.length} files\n`);
  const scaled = { ...env, FAIRLEAD_TIME_SCALE: String(timeScale) };
  return spawnSync(node, testArguments(files, concurrency), { stdio: 'inherit', env: scaled }).status === 0;
}

/** Starts the tests in the virtual machine; what it gives tells what came of them, when they are through. */
function startMachine(): () => Promise<boolean> {
  const files = globSync(`${MACHINE}*.test.ts`);
  // Its lines wait, so that they do not stand between those of others.
  const child = spawn(node, testArguments(files, 1), { stdio: ['ignore', 'pipe', 'pipe'], env });
  const lines: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (it: Buffer) => lines.push(it));
  const ended = new Promise<boolean>((resolve) => child.on('close', (code) => resolve(code === 0)));
  return async () => {
    const isGood = await ended;
    process.stdout.write(`# kernel 6.1: ${files.length} files\n${Buffer.concat(lines).toString()}`);
    return isGood;
  };
}

function unit(timeScale = TIME_SCALE): boolean {
  const kernel = new Set(globSync(KERNEL));
  const files = globSync([
    'src/**/*.test.ts',
    'test/*.test.ts',
    'test/{states,fuzz}/**/*.test.ts',
    'scripts/**/*.test.ts',
  ]);
  return run('unit', files.filter((file) => !kernel.has(file)).sort(), 2, timeScale);
}

function isRoot(): boolean {
  if (process.getuid?.() === 0) return true;
  process.stderr.write('Cannot run the kernel tests: root is needed\n');
  return false;
}

function ownKernel(patterns: string | readonly string[], timeScale = TIME_SCALE): boolean {
  return run('kernel', globSync(patterns).sort(), 1, timeScale);
}

async function kernel(): Promise<boolean> {
  return isRoot() && [ownKernel(KERNEL), await startMachine()()].every(Boolean);
}

async function all(): Promise<boolean> {
  if (!isRoot()) return false;
  const machine = startMachine();
  const beside = [check(), unit(BUSY_TIME_SCALE), ownKernel(KERNEL_PARTS, BUSY_TIME_SCALE)];
  return [...beside, await machine(), ownKernel(KERNEL_WHOLE)].every(Boolean);
}

function check(): boolean {
  return spawnSync(node, ['scripts/check.ts'], { stdio: 'inherit' }).status === 0;
}

function kernelFiles(): boolean {
  process.stdout.write(`${globSync(KERNEL).sort().join('\n')}\n`);
  return true;
}

const [what = 'all', ...files] = process.argv.slice(2);
const WHATS: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  unit: () => unit(),
  kernel,
  'kernel-files': kernelFiles,
  file: () => run('file', files, 1),
  all,
};
const chosen = WHATS[what];
if (chosen === undefined)
  process.stderr.write(`Cannot run ${what}: known are ${Object.keys(WHATS).join(', ')}\n`);
process.exitCode = (await chosen?.()) === true ? 0 : 1;
