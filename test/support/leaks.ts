// What a test may leave behind on the machine and in the process: taken before and after, compared. Every suite that touches the kernel uses it.
// Names of other users of the machine are left out by a prefix where one is given; descriptors and handles are this process' own.

import { readdirSync, readlinkSync } from 'node:fs';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { listMounts } from '../../src/sys/mountinfo.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { listNftTables } from '../../src/sys/nft.ts';

export type LeakSnapshot = Readonly<Record<string, readonly string[]>>;

export interface LeakScope {
  /** Only namespaces, links, mounts and cgroups whose names hold this are looked at: others use the machine too. Default: all. */
  readonly prefix?: string;
}

const SETTLE_ATTEMPTS = 40;
const SETTLE_PAUSE_MS = 50;

/** Takes stock of the machine (namespaces, links, routes, rules, nft tables, cgroups, mounts) and of this process (descriptors, handles). */
export async function takeSnapshot(scope: LeakScope = {}): Promise<LeakSnapshot> {
  const isOurs = (name: string): boolean => scope.prefix === undefined || name.includes(scope.prefix);
  const kernel = await kernelState();
  const tables = await listNftTables();
  // The program that listed the tables has ended; its handle goes a turn of the event loop later.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS / 5));
  return {
    namespaces: namesIn('/run/netns').filter(isOurs),
    links: kernel.links.filter(isOurs),
    routes: kernel.routes.filter(isOurs),
    rules: scope.prefix === undefined ? kernel.rules : [],
    'nft tables': tables.map((it) => `${it.family} ${it.name}`).filter(isOurs),
    cgroups: cgroupsBelow(findCgroupMount()).filter(isOurs),
    mounts: listMounts()
      .map((it) => `${it.type} ${it.target}`)
      .filter(isOurs),
    descriptors: descriptors(),
    handles: process.getActiveResourcesInfo().filter((it) => !IGNORED_HANDLES.has(it)),
  };
}

/** What is in `after` and was not in `before`, by kind: "mounts: bpf /tmp/x". */
export function leaksBetween(before: LeakSnapshot, after: LeakSnapshot): readonly string[] {
  return Object.entries(after).flatMap(([kind, entries]) => {
    const left = [...(before[kind] ?? [])];
    return entries
      .filter((entry) => {
        const at = left.indexOf(entry);
        if (at >= 0) left.splice(at, 1);
        return at < 0;
      })
      .map((entry) => `${kind}: ${entry}`);
  });
}

/** Fails with a list where something stays; what the kernel removes in its own time gets two seconds. */
export async function assertNoLeaks(before: LeakSnapshot, scope: LeakScope = {}): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const leaks = leaksBetween(before, await takeSnapshot(scope));
    if (leaks.length === 0) return;
    if (attempt >= SETTLE_ATTEMPTS) throw new Error(`Left behind:\n  ${leaks.join('\n  ')}`);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
  }
}

/** Those of the test runner itself and of the pauses here. */
const IGNORED_HANDLES = new Set([
  'Timeout',
  'PipeWrap',
  'TTYWrap',
  'Immediate',
  'FSReqCallback',
  'FSReqPromise',
  'CloseReq',
]);

async function kernelState(): Promise<Readonly<Record<'links' | 'routes' | 'rules', readonly string[]>>> {
  const door = openNetlink();
  try {
    const routes = await door.routes();
    return {
      links: (await door.links()).map((it) => it.name),
      routes: routes.map((it) => `${it.destination} dev ${it.link ?? ''} table ${it.table}`),
      rules: (await door.rules()).map((it) => JSON.stringify(it)),
    };
  } finally {
    door.close();
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function cgroupsBelow(root: string | undefined): readonly string[] {
  if (root === undefined) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
}

/** Each with what it points to, so that a leak shows what it is; numbers of pipes and sockets differ and are left out. */
function descriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith('/proc/') ? [] : [target.replace(/:\[\d+\]$/, '')];
    } catch {
      // The descriptor of the listing itself.
      return [];
    }
  });
}
