// The real doors: rtnetlink sockets and sysctls of the node's namespace and of pods' namespaces.

import { readFileSync } from 'node:fs';
import { FairleadError } from '../base/errors.ts';
import { openNetlink } from '../sys/netlink.ts';
import { netnsExists, netnsInode, openNetns, type Netns } from '../sys/netns.ts';
import { writeSysctls } from '../sys/sysctl.ts';
import type { NodeDoor, PodDoor } from './doors.ts';

/** The node's doors; without a path those of the process' own namespace. The caller closes. */
export function openNodeDoor(netnsPath?: string): NodeDoor & { close(): void } {
  const inode = netnsInode(netnsPath);
  if (inode === undefined) {
    throw new FairleadError('not-found', `Cannot open the node's namespace ${netnsPath ?? ''}: it is gone`);
  }
  const netlink = openNetlink(netnsPath);
  const removals = openNetlink(netnsPath);
  return {
    netlink,
    removals,
    netnsInode: inode,
    writeSysctls: (values) => writeSysctls(netnsPath, Object.fromEntries(values)),
    close: () => {
      netlink.close();
      removals.close();
    },
  };
}

export function openPodDoor(path: string): PodDoor {
  const inode = netnsInode(path);
  if (inode === undefined) throw new FairleadError('not-found', `${path} does not exist`);
  if (!netnsExists(path)) throw new FairleadError('invalid', `${path} is no network namespace`);
  const netns = openNetns(path);
  try {
    return podDoor(netns, inode);
  } catch (error) {
    netns.close();
    throw error;
  }
}

function podDoor(netns: Netns, inode: number): PodDoor {
  const netlink = openNetlink(netns);
  return {
    netns,
    netnsInode: inode,
    netlink,
    writeSysctls: (values) => {
      if (values.size > 0) writeSysctls(netns, Object.fromEntries(values));
    },
    close: () => {
      netlink.close();
      netns.close();
    },
  };
}

/** Differs after a reboot and for a node namespace made anew: then no interface of before exists. */
export function bootIdentity(node: NodeDoor): string {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}/${node.netnsInode}`;
}
