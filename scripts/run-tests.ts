// Runs the tests: `unit` needs nothing, `kernel` needs root, `all` is both after the static checks, `file PATH...` is what it says.
// Kernel files run one at a time (they share one machine), unit files side by side.

import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const KERNEL = ['src/**/*.kernel.test.ts', 'test/{kernel,contract,scenarios,e2e}/**/*.test.ts'];
/** For one file: one that hangs must name itself, not hold up everything. */
const TIMEOUT_MS = 300_000 * Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1);
const node = new URL('../node_modules/node/bin/node', import.meta.url).pathname;
/** Compiled sources are kept as bin/fairlead keeps them: hundreds of test processes load the same ones. */
const cache = new URL('../build/compile-cache', import.meta.url).pathname;
const env = { NODE_COMPILE_CACHE: cache, ...process.env };

function run(name: string, files: readonly string[], concurrency: number): boolean {
  if (files.length === 0) return true;
  process.stdout.write(`# ${name}: ${files.length} files\n`);
  const args = [
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    `--test-timeout=${TIMEOUT_MS}`,
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
  return run('unit', files.filter((file) => !kernel.has(file)).sort(), 2);
}

function kernel(): boolean {
  if (process.getuid?.() !== 0) {
    process.stderr.write('Cannot run the kernel tests: root is needed\n');
    return false;
  }
  return run('kernel', globSync(KERNEL).sort(), 1);
}

function check(): boolean {
  return spawnSync(node, ['scripts/check.ts'], { stdio: 'inherit' }).status === 0;
}

const [what = 'all', ...files] = process.argv.slice(2);
const isGreen =
  what === 'unit'
    ? unit()
    : what === 'kernel'
      ? kernel()
      : what === 'file'
        ? run('file', files, 1)
        : [check(), unit(), kernel()].every(Boolean);
process.exitCode = isGreen ? 0 : 1;
