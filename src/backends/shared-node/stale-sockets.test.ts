import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aChoice, aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import type { FlowView } from './stale-flow.ts';
import { isStaleSocket } from './stale-sockets.ts';

const SERVICE = { ip: parseIp('10.96.0.5'), port: parsePort(53), protocol: 'UDP' } as const;
const [ONE, TWO] = ['10.244.1.1:5353', '10.244.1.2:5353'] as const;
const SOCKET = { peerIp: parseIp('10.244.1.1'), peerPort: 5353 };
const TRANSLATION = {
  endpointIp: SOCKET.peerIp,
  endpointPort: SOCKET.peerPort,
  frontendIp: SERVICE.ip,
  frontendPort: SERVICE.port,
};

function aView(...frontends: readonly Frontend[]): FlowView {
  return {
    node: SERVICE_NODE,
    peers: [],
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    cluster: {
      podCidrs: [],
      serviceCidrs: [],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
}

for (const [name, view, expected] of [
  ['an endpoint of its frontend', aView(aFrontend([TWO, ONE], SERVICE)), false],
  ['no endpoint any more', aView(aFrontend([TWO], SERVICE)), true],
  ['the same pod at another port', aView(aFrontend(['10.244.1.1:5354'], SERVICE)), true],
  [
    'an endpoint for outside clients alone',
    aView(aFrontend([ONE], { ...SERVICE, inside: aChoice(TWO) })),
    true,
  ],
  ['an endpoint of another frontend', aView(aFrontend([ONE], { ...SERVICE, port: parsePort(54) })), true],
  ['an endpoint of the TCP frontend beside', aView(aFrontend([ONE], { ...SERVICE, protocol: 'TCP' })), true],
  [
    'a frontend that the node answers itself now',
    aView(aFrontend([ONE], { ...SERVICE, kind: 'node-local' })),
    true,
  ],
  ['nothing that is known', aView(), true],
] as const)
  // prettier-ignore
  test(`a socket whose peer is ${name} is ${expected ? '' : 'not '}stale`, () => {
    assert.equal(isStaleSocket(SOCKET, TRANSLATION, view), expected);
  });

test('a socket that was not translated, or connected elsewhere since, is never stale', () => {
  assert.equal(isStaleSocket(SOCKET, undefined, aView()), false);
  assert.equal(isStaleSocket({ ...SOCKET, peerPort: 5354 }, TRANSLATION, aView()), false);
  assert.equal(isStaleSocket({ ...SOCKET, peerIp: parseIp('10.244.1.2') }, TRANSLATION, aView()), false);
});
