// The doors beside rtnetlink as interfaces, for code that is to be tested with fakes and faults, and their real implementations.

import { systemClock } from '../base/clock.ts';
import { cgroupPids, createCgroup, killCgroup, moveToCgroup, removeCgroup } from './cgroup.ts';
import { createNetns, deleteNetns, netnsExists, netnsInode, type Netns } from './netns.ts';
import { applyNft, deleteNftTable, listNftTable, listNftTables, type NftTable } from './nft.ts';
import { readSysctl, writeSysctls } from './sysctl.ts';

const CGROUP_REMOVAL_MS = 10_000;

export interface NamespaceDoor {
  create(path: string): void;
  delete(path: string): Promise<void>;
  exists(path: string): boolean;
  /** Undefined where there is none. */
  inode(path: string): number | undefined;
}

export interface CgroupDoor {
  create(cgroup: string): void;
  /** `timeout` where processes stay in it. */
  remove(cgroup: string): Promise<void>;
  /** Of the group and all below. */
  pids(cgroup: string): readonly number[];
  move(cgroup: string, pid: number): void;
  kill(cgroup: string): void;
}

/** Settings of one namespace. */
export interface SysctlDoor {
  read(key: string): string;
  write(values: Readonly<Record<string, string | number>>): void;
}

/** nftables of one namespace. */
export interface NftDoor {
  apply(script: string): Promise<void>;
  tables(): Promise<readonly NftTable[]>;
  list(table: NftTable): Promise<readonly Readonly<Record<string, unknown>>[] | undefined>;
  delete(table: NftTable): Promise<void>;
}

export const kernelNamespaces: NamespaceDoor = {
  create: createNetns,
  delete: deleteNetns,
  exists: netnsExists,
  inode: netnsInode,
};

export function kernelCgroups(removalTimeoutMs = CGROUP_REMOVAL_MS): CgroupDoor {
  return {
    create: createCgroup,
    remove: (cgroup) => removeCgroup(cgroup, { clock: systemClock, timeoutMs: removalTimeoutMs }),
    pids: (cgroup) => cgroupPids(cgroup, { isDeep: true }),
    move: moveToCgroup,
    kill: killCgroup,
  };
}

export function kernelSysctls(netns?: Netns | string): SysctlDoor {
  return {
    read: (key) => readSysctl(netns, key),
    write: (values) => writeSysctls(netns, values),
  };
}

export function kernelNft(netns?: Netns | string): NftDoor {
  const place = netns === undefined ? {} : { netns };
  return {
    apply: (script) => applyNft(script, place),
    tables: () => listNftTables(place),
    list: (table) => listNftTable(table, place),
    delete: (table) => deleteNftTable(table, place),
  };
}
