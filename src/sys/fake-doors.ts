// Namespaces, cgroups and settings in memory, with faults. Each agrees with the kernel in what its suite in test/contract says.

import { FairleadError } from '../base/errors.ts';
import type { CgroupDoor, NamespaceDoor, SysctlDoor } from './doors.ts';
import { kernelError } from './errno.ts';
import type { FakeKernel } from './fake-netlink.ts';
import { noFaults, type Faults } from './faults.ts';
import type { NetnsFd } from './netlink-types.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;
const EINVAL = 22;
const FIRST_INODE = 4_026_532_000;

/** Namespaces by path; each has a namespace of the fake kernel, for its links. */
export class FakeNamespaces implements NamespaceDoor {
  readonly #kernel: FakeKernel;
  readonly #byPath = new Map<string, { readonly netns: NetnsFd; readonly inode: number }>();
  #nextInode = FIRST_INODE;
  faults: Faults = noFaults;

  constructor(kernel: FakeKernel) {
    this.#kernel = kernel;
  }

  create(path: string): void {
    const action = `create namespace ${path}`;
    this.faults(action);
    if (this.#byPath.has(path)) throw kernelError({ action, errno: EEXIST });
    this.#byPath.set(path, { netns: this.#kernel.addNetns(), inode: this.#nextInode++ });
  }

  async delete(path: string): Promise<void> {
    const action = `delete namespace ${path}`;
    this.faults(action);
    const found = this.#byPath.get(path);
    if (found === undefined) throw kernelError({ action, errno: ENOENT });
    this.#byPath.delete(path);
    this.#kernel.removeNetns(found.netns);
  }

  exists(path: string): boolean {
    return this.#byPath.has(path);
  }

  inode(path: string): number | undefined {
    return this.#byPath.get(path)?.inode;
  }

  /** For `FakeKernel.open` and for changes that put a link there. */
  netns(path: string): NetnsFd {
    const found = this.#byPath.get(path);
    if (found === undefined) throw kernelError({ action: `open namespace ${path}`, errno: ENOENT });
    return found.netns;
  }
}

/** Groups by path and the processes in them; processes are numbers that `addProcess` makes known. */
export class FakeCgroups implements CgroupDoor {
  readonly #groups = new Set<string>();
  readonly #groupOf = new Map<number, string>();
  readonly #alive = new Set<number>();
  faults: Faults = noFaults;

  addProcess(pid: number): void {
    this.#alive.add(pid);
  }

  isAlive(pid: number): boolean {
    return this.#alive.has(pid);
  }

  create(cgroup: string): void {
    this.faults(`create cgroup ${cgroup}`);
    const parts = cgroup.split('/').filter(Boolean);
    for (let i = 1; i <= parts.length; i++) this.#groups.add(`/${parts.slice(0, i).join('/')}`);
  }

  async remove(cgroup: string): Promise<void> {
    const action = `remove cgroup ${cgroup}`;
    this.faults(action);
    const count = this.pids(cgroup).length;
    if (count > 0) {
      throw new FairleadError('timeout', `Cannot ${action}: ${count} processes are in it`, {
        details: { errno: 'EBUSY' },
      });
    }
    for (const group of this.#groups) if (isIn(group, cgroup)) this.#groups.delete(group);
  }

  pids(cgroup: string): readonly number[] {
    return [...this.#groupOf].filter(([, group]) => isIn(group, cgroup)).map(([pid]) => pid);
  }

  move(cgroup: string, pid: number): void {
    const action = `move process ${pid} to cgroup ${cgroup}`;
    this.faults(action);
    if (!this.#groups.has(cgroup)) throw kernelError({ action, errno: ENOENT });
    if (!this.#alive.has(pid)) throw kernelError({ action, errno: ESRCH });
    this.#groupOf.set(pid, cgroup);
  }

  kill(cgroup: string): void {
    const action = `kill cgroup ${cgroup}`;
    this.faults(action);
    if (!this.#groups.has(cgroup)) throw kernelError({ action, errno: ENOENT });
    for (const pid of this.pids(cgroup)) {
      this.#alive.delete(pid);
      this.#groupOf.delete(pid);
    }
  }
}

/** Settings of one namespace; only those given at first exist, and only whole numbers are taken, as for all that the product sets. */
export class FakeSysctls implements SysctlDoor {
  readonly #values: Map<string, string>;
  faults: Faults = noFaults;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = new Map(Object.entries(values));
  }

  read(key: string): string {
    const action = `read setting ${key}`;
    this.faults(action);
    const value = this.#values.get(key);
    if (value === undefined) throw kernelError({ action, errno: ENOENT });
    return value;
  }

  write(values: Readonly<Record<string, string | number>>): void {
    for (const [key, value] of Object.entries(values)) {
      const action = `set ${key} to ${value}`;
      this.faults(action);
      if (!this.#values.has(key)) throw kernelError({ action, errno: ENOENT });
      if (!/^-?\d+$/.test(String(value))) throw kernelError({ action, errno: EINVAL });
      this.#values.set(key, String(value));
    }
  }
}

function isIn(group: string, parent: string): boolean {
  return group === parent || group.startsWith(`${parent}/`);
}
