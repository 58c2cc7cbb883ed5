// Everything that can be said of the sources without running them: types, lint, format, unused code. Under a minute.

import { spawn } from 'node:child_process';

const bin = new URL('../node_modules/.bin/', import.meta.url).pathname;
const node = new URL('../node_modules/node/bin/', import.meta.url).pathname;

const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ['tsc', ['--noEmit']],
  ['oxlint', ['--type-aware', '--deny-warnings']],
  ['prettier', ['--check', '--log-level', 'warn', '.']],
  ['knip', ['--no-progress']],
];

function run([program, args]: readonly [string, readonly string[]]): Promise<boolean> {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${node}:${process.env['PATH'] ?? ''}` };
    const child = spawn(`${bin}${program}`, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => {
      process.stdout.write(code === 0 ? `ok ${program}\n` : `FAILED ${program}\n${output}\n`);
      resolve(code === 0);
    });
  });
}

// Side by side: the formatter, which takes half of all the work, uses one processor alone.
const results = await Promise.all(CHECKS.map(run));
process.exitCode = results.every(Boolean) ? 0 : 1;
