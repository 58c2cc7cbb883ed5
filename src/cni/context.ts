// What every verb works with; made once by the server.

import type { Clock } from '../base/clock.ts';
import type { NodeDoor, NodeNetwork, OpenPodDoor, PodDatapath, WaitForPolicy } from './doors.ts';
import type { LinkRemover } from './link-remover.ts';
import type { LeaseStore } from './lease-store.ts';

export interface CniContext {
  readonly clock: Clock;
  readonly leases: LeaseStore;
  readonly node: NodeDoor;
  readonly remover: LinkRemover;
  readonly openPod: OpenPodDoor;
  readonly datapath: PodDatapath;
  readonly waitForPolicy: WaitForPolicy;
  /** As it is now; throws `unavailable` while the node has no pod prefix. */
  network(): NodeNetwork;
}
