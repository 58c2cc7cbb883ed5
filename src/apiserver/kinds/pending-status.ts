// The status of what no controller has seen yet: the defaults that custom resources of the Gateway API have for it.

import type { Draft } from '../../objects/json.ts';

const CONDITIONS: Readonly<Record<string, readonly (readonly [type: string, reason: string])[]>> = {
  'gateway.GatewayClass': [['Accepted', 'Pending']],
  'gateway.Gateway': [
    ['Accepted', 'Pending'],
    ['Programmed', 'Pending'],
  ],
  'gateway.ListenerSet': [
    ['Accepted', 'Pending'],
    ['Programmed', 'Pending'],
  ],
};

/** Undefined for kinds that begin without one. */
export function pendingStatus(message: string): Draft | undefined {
  const conditions = CONDITIONS[message]?.map(([type, reason]) => ({
    type,
    status: 'Unknown',
    reason,
    message: 'Waiting for controller',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  }));
  return conditions === undefined ? undefined : { conditions };
}
