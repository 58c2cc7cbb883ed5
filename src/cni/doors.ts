// What the verbs need of the world, as interfaces: the node's links, a pod's namespace, the data path, the policy gate.
// The agent passes the real ones in (`kernel-doors.ts`), tests pass failing ones.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { Mac } from '../base/mac.ts';
import type { Netlink, NetnsFd } from '../sys/netlink-types.ts';
import type { AttachmentKey } from './attachment-names.ts';
import type { PodNames } from './lease-store.ts';

/** The node's network namespace. */
export interface NodeDoor {
  readonly netlink: Netlink;
  /** Another socket for removals, in which the kernel waits for 12 ms and more, so that they hold up no ADD. */
  readonly removals: Netlink;
  /** Inode of the namespace, to tell a pod's from it. */
  readonly netnsInode: number;
  /** Paths below /proc/sys, as "net/ipv4/conf/eth0/rp_filter", and their values, in this order. */
  writeSysctls(values: ReadonlyMap<string, string>): void;
}

/** A pod's network namespace, open; the caller closes it. */
export interface PodDoor {
  readonly netns: NetnsFd;
  readonly netnsInode: number;
  readonly netlink: Netlink;
  /** Writes several in one visit; a missing file is an error of code `not-found`. */
  writeSysctls(values: ReadonlyMap<string, string>): void;
  close(): void;
}

/** Opens the namespace at `path`; throws `not-found` where there is none, `invalid` where the file is no network namespace. */
export type OpenPodDoor = (path: string) => PodDoor;

/** A pod's interface as the data path sees it from the node. */
export interface DatapathPod {
  readonly linkName: string;
  readonly ifindex: number;
  readonly ips: readonly Ip[];
  /** Ethernet address of the pod's own end. */
  readonly mac: Mac;
  /** As the runtime names the pod. */
  readonly names: PodNames | undefined;
  /** The bridge, or what else, that another plugin has made the link a port of; absent for links of our own. */
  readonly bridge?: string | undefined;
}

/** Puts the per-packet programs on a pod's link before it is up, and takes note when it goes. */
export interface PodDatapath {
  /** Rejects with `unsupported` where policies could not be kept at such a link. */
  attach(pod: DatapathPod): Promise<void>;
  /** Also called for a link that has vanished already, or that never was attached. */
  detach(ifindex: number): Promise<void>;
}

/** What the policy gate is asked about. */
export interface GatedPod extends AttachmentKey {
  readonly names: PodNames | undefined;
  readonly ips: readonly Ip[];
  readonly linkName: string;
}

/** Resolves when the pod's policies are in force; rejects (`timeout`, `aborted`) to refuse the pod. */
export type WaitForPolicy = (pod: GatedPod, signal: AbortSignal) => Promise<void>;

/** What the agent knows of its node when a request comes. */
export interface NodeNetwork {
  /** One prefix per family; empty until the node's subnet is allocated. */
  readonly podCidrs: readonly Cidr[];
  /** MTU of pods' interfaces: the underlay's minus the tunnel's overhead. */
  readonly mtuBytes: number;
  /** The node's own addresses: source of what the node itself sends to its pods. */
  readonly nodeIps: readonly Ip[];
}
