// Network namespaces of the Service world, by the `ip` program.

import { execFileSync } from 'node:child_process';
import type { Lifetime } from '../../src/base/lifetime.ts';

export function makeNetns(name: string, lifetime: Lifetime): void {
  run('ip', ['netns', 'add', name]);
  lifetime.defer(`namespace ${name}`, () => run('ip', ['netns', 'delete', name]));
  run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** `ip` commands in a namespace, those that begin with "-6" after the others; two programs, however many lines. */
export function batch(netns: string, lines: readonly string[]): void {
  const [v4, v6] = [false, true].map((isV6) => lines.filter((line) => line.startsWith('-6 ') === isV6));
  ipBatch(['-n', netns], v4 ?? []);
  ipBatch(['-n', netns, '-6'], (v6 ?? []).map((line) => line.slice(3))); // prettier-ignore
}

function ipBatch(flags: readonly string[], lines: readonly string[]): void {
  if (lines.length === 0) return;
  execFileSync('ip', [...flags, '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

export function run(program: string, args: readonly string[]): void {
  execFileSync(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
