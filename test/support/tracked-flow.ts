// What tests of tracked flows are not about.

import type { TrackedFlow } from '../../src/wire/netlink/conntrack.ts';

/** All of a flow but its ends: answered, and alive for half a minute. */
export const FLOW_REST: Omit<TrackedFlow, 'family' | 'protocol' | 'original' | 'reply'> = {
  mark: 0,
  timeoutS: 30,
  id: 1,
  zone: 0,
  isOver: false,
  isAnswered: true,
  isAssured: false,
  isTakenUp: false,
};
