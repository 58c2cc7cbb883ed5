// Names of what tests put on the machine: each carries the process that made it, so that tests of several files and clones stand side by side
// and nothing outlives its test. Whatever has such a name (processes in namespaces and cgroups, mounts, namespaces, cgroups, folders in /tmp) goes
// at the latest with the process.

import { spawnSync } from 'node:child_process';
import { readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { listMounts } from '../../src/sys/mountinfo.ts';
import { atEnd } from './at-end.ts';

/** Lines that hold it are about a test's own things, whoever's they are. */
export const OWN_NAME = /\bt-[a-z0-9-]+-\d/;
const NETNS = '/run/netns';
const TRIES = 100;
const PAUSE_MS = 20;

/** "t-cni-4711". What is made under it is its test's to remove; what stays at the end of the process is removed then, and fails the file. */
export function ownName(what: string): string {
  atEnd(removeAtEnd);
  return `t-${what}-${process.pid}`;
}

function removeAtEnd(code: number): void {
  const left = removeOwn();
  if (left.length === 0) return;
  process.stderr.write(`Removed what the test left behind:\n  ${left.join('\n  ')}\n`);
  if (code === 0) process.exitCode = 1;
}

/** Gives what there was. The process is at its end: nothing here waits for the event loop. */
function removeOwn(): readonly string[] {
  const named = new RegExp(`\\bt-[a-z0-9-]+-${process.pid}(?!\\d)`);
  const isNamed = (text: string): boolean => named.test(text);
  const namespaces = entriesOf(NETNS).filter(isNamed);
  const cgroups = entriesOf(findCgroupMount() ?? '').filter(isNamed).map((it) => `${findCgroupMount()}/${it}`); // prettier-ignore
  const mounts = (): readonly string[] => listMounts().map((it) => it.target).filter(isNamed); // prettier-ignore
  const left = new Set([...mounts(), ...namespaces.map((it) => `${NETNS}/${it}`), ...cgroups]);
  for (const name of namespaces) killAll(pidsInNetns(name));
  for (const cgroup of cgroups) writeFileSync(`${cgroup}/cgroup.kill`, '1');
  for (const target of mounts().toReversed()) spawnSync('umount', ['--lazy', target]);
  for (const name of namespaces) rmSync(`${NETNS}/${name}`, { force: true });
  for (const cgroup of cgroups) removeCgroupNow(cgroup);
  // Below a mount that has stayed are files of others.
  const folders = mounts().length > 0 ? [] : entriesOf(tmpdir()).filter(isNamed).map((it) => `${tmpdir()}/${it}`); // prettier-ignore
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  return [...left.union(new Set(folders))];
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function pidsInNetns(name: string): readonly number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  return stdout.split('\n').filter((it) => it !== '').map(Number); // prettier-ignore
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids.filter((it) => it !== process.pid))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
}

/** Deepest first. */
function groupsOf(cgroup: string): readonly string[] {
  const below = readdirSync(cgroup, { recursive: true, withFileTypes: true });
  const groups = below.filter((it) => it.isDirectory()).map((it) => `${it.parentPath}/${it.name}`);
  return [cgroup, ...groups].toSorted().toReversed();
}

/** A group is busy until the kernel has seen the last of its processes off. */
function removeCgroupNow(cgroup: string): void {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      for (const group of groupsOf(cgroup)) rmdirSync(group);
      return;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
