import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import { NO_FRONTEND_OPTIONS, type ServiceEndpoint, type ServiceModel } from '../model/network.ts';
import { healthChecksOf } from './view.ts';

function anEndpoint(ip: string, node: string, isReady = true): ServiceEndpoint {
  const port = parsePort(8080);
  return { ip: parseIp(ip), port, node, isReady, isServingLast: !isReady, zoneHints: [], nodeHints: [] };
}

function aService(endpoints: readonly ServiceEndpoint[]): ServiceModel {
  const port = { port: parsePort(80), nodePort: undefined, protocol: 'TCP' as const, endpoints };
  return {
    namespace: 'shop',
    name: 'web',
    isNodeLocal: false,
    clusterIps: [],
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: undefined,
    isInternalLocal: false,
    isExternalLocal: true,
    healthCheckNodePort: parsePort(31000),
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
    ports: [
      { ...port, name: 'a' },
      { ...port, name: 'b' },
    ],
  };
}

test('healthChecksOf() counts a ready pod once, whatever its ports and families', () => {
  const endpoints = [
    anEndpoint('10.244.0.1', 'here'),
    anEndpoint('fd00::1', 'here'),
    anEndpoint('10.244.0.2', 'here', false),
    anEndpoint('10.244.1.1', 'there'),
  ];
  const checks = healthChecksOf([aService(endpoints)], 'here');
  assert.deepEqual([...checks], [[31000, { namespace: 'shop', service: 'web', localEndpoints: 1 }]]);
});
