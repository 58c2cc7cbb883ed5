// Runs the tests: `unit` needs nothing, `kernel` needs root, `all` is both after the static checks, `file PATH...` is what it says,
// `kernel-files` prints what `kernel` would run on this machine's own kernel.
// Files run side by side: each has namespaces, cgroups and clusters of its own, named after its process (`test/support/own-name.ts`), and looks at
// nothing else. The virtual machine of kernel 6.1 has the machine for itself.

import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const KERNEL = ['src/**/*.kernel.test.ts', 'test/{kernel,contract,scenarios,e2e}/**/*.test.ts'];
/** Boots of another kernel under emulation: the files there bound themselves. */
const MACHINE = 'test/vm/';
/** For one file: one that hangs must name itself, not hold up everything. The longest takes a minute and a half, four where a machine has other work. */
const TIMEOUT_MS = 480_000 * Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1);
const MACHINE_TIMEOUT_MS = 900_000;
/** Files at a time. Most of a kernel file's time is waiting: for the kernel, for a cluster, for silence. */
const SIDE_BY_SIDE = { unit: 2, kernel: 2 };
const node = new URL('../node_modules/node/bin/node', import.meta.url).pathname;
/** Compiled sources are kept as bin/fairlead keeps them: hundreds of test processes load the same ones. */
const cache = new URL('../build/compile-cache', import.meta.url).pathname;
const env = { NODE_COMPILE_CACHE: cache, ...process.env };

function run(name: string, files: readonly string[], concurrency: number): boolean {
  if (files.length === 0) return true;
  const isMachine = files.some((file) => file.includes(MACHINE));
  process.stdout.write(`# ${name}: ${files.length} files\n`);
  const args = [
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    `--test-timeout=${isMachine ? MACHINE_TIMEOUT_MS : TIMEOUT_MS}`,
    ...files,
  ];
  return spawnSync(node, args, { stdio: 'inherit', env }).status === 0;
}

function unit(): boolean {
  const kernel = new Set(globSync(KERNEL));
  const files = globSync([
    'src/**/*.test.ts',
    'test/*.test.ts',
    'test/{states,fuzz}/**/*.test.ts',
    'scripts/**/*.test.ts',
  ]);
  return run('unit', files.filter((file) => !kernel.has(file)).sort(), SIDE_BY_SIDE.unit);
}

function kernel(): boolean {
  if (process.getuid?.() !== 0) {
    process.stderr.write('Cannot run the kernel tests: root is needed\n');
    return false;
  }
  return [
    run('kernel', globSync(KERNEL).sort(), SIDE_BY_SIDE.kernel),
    run('kernel 6.1', globSync(`${MACHINE}*.test.ts`), 1),
  ].every(Boolean);
}

function check(): boolean {
  return spawnSync(node, ['scripts/check.ts'], { stdio: 'inherit' }).status === 0;
}

function kernelFiles(): boolean {
  process.stdout.write(`${globSync(KERNEL).sort().join('\n')}\n`);
  return true;
}

const [what = 'all', ...files] = process.argv.slice(2);
const WHATS: Readonly<Record<string, () => boolean>> = {
  unit,
  kernel,
  'kernel-files': kernelFiles,
  file: () => run('file', files, 1),
  all: () => [check(), unit(), kernel()].every(Boolean),
};
const chosen = WHATS[what];
if (chosen === undefined)
  process.stderr.write(`Cannot run ${what}: known are ${Object.keys(WHATS).join(', ')}\n`);
process.exitCode = chosen?.() === true ? 0 : 1;
