// Frontends for tests, with everything filled in that a test does not speak of.

import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import {
  NO_FRONTEND_OPTIONS,
  type Endpoint,
  type EndpointChoice,
  type Frontend,
  type NetworkNode,
} from '../../src/model/network.ts';

/** The node of tests that have one node: that of the Service world (`test/contract/service-world.ts`). */
export const SERVICE_NODE: NetworkNode = {
  name: 'node-a',
  addresses: [parseIp('192.0.2.1'), parseIp('2001:db8::1')],
  podCidrs: [parseCidr('10.77.0.0/24'), parseCidr('fd77::/64')],
  labels: new Map(),
};

/** "10.0.0.1:80", "[fd00::1]:80". */
export function anEndpoint(text: string): Endpoint {
  const at = text.lastIndexOf(':');
  const ip = parseIp(text.slice(0, at).replaceAll(/[[\]]/g, ''));
  return { ip, port: parsePort(Number(text.slice(at + 1))), node: undefined, isTerminating: false };
}

export function aChoice(...endpoints: readonly string[]): EndpointChoice {
  return { endpoints: endpoints.map(anEndpoint), whenEmpty: 'refuse' };
}

/** A ClusterIP's frontend; the same endpoints for all clients unless `over` says otherwise. */
export function aFrontend(endpoints: readonly string[], over: Partial<Frontend> = {}): Frontend {
  const choice = aChoice(...endpoints);
  return {
    kind: 'balanced',
    scope: 'cluster-ip',
    namespace: 'default',
    service: 'web',
    portName: '',
    ip: parseIp('10.96.0.5'),
    port: parsePort(80),
    protocol: 'TCP',
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
    ...over,
  };
}
