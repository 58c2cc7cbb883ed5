// What every verb works with; made once by the server.

import type { NodeDoor, NodeNetwork, OpenPodDoor, PodDatapath, WaitForPolicy } from './doors.ts';
import type { LeaseStore } from './lease-store.ts';

export interface CniContext {
  readonly leases: LeaseStore;
  readonly node: NodeDoor;
  readonly openPod: OpenPodDoor;
  readonly datapath: PodDatapath;
  readonly waitForPolicy: WaitForPolicy;
  /** As it is now; throws `unavailable` while the node has no pod prefix. */
  network(): NodeNetwork;
}
