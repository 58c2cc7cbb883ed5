// A bpffs of a test's own.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ownName } from './own-name.ts';

/** Gives its path. */
export function mountBpffs(lifetime: Lifetime): string {
  const path = mkdtempSync(`${tmpdir()}/${ownName('bpf')}-`);
  execFileSync('mount', ['-t', 'bpf', 'bpf', path]);
  lifetime.defer(`bpffs ${path}`, () => {
    execFileSync('umount', [path]);
    rmdirSync(path);
  });
  return path;
}
