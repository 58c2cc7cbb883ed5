import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { renderFrontend } from './render.ts';
import { renderSkeleton } from './skeleton.ts';
import { traceIptables, type TraceVerdict } from './trace.ts';

const NODE_IP = parseIp('203.0.113.1');
const LOCAL = aChoice('10.77.0.11:8080');
const FRONTENDS: readonly Frontend[] = [
  aFrontend(['10.77.0.10:8080', '10.77.1.13:8080'], { affinityTimeoutS: 60 }),
  aFrontend([], { port: parsePort(81) }),
  aFrontend(['10.77.0.11:8080'], { ip: parseIp('10.96.0.10'), kind: 'node-local' }),
  aFrontend(['10.77.0.11:8080', '10.77.1.13:8080'], {
    ip: NODE_IP,
    port: parsePort(30080),
    outside: LOCAL,
    masqueradesOutside: false,
  }),
  aFrontend(['10.77.1.13:8080'], {
    ip: NODE_IP,
    port: parsePort(30081),
    outside: { ...aChoice(), whenEmpty: 'drop' },
    masqueradesOutside: false,
  }),
  aFrontend(['10.77.0.11:8080'], {
    ip: parseIp('198.51.100.7'),
    sourceRanges: [parseCidr('192.0.2.0/24')],
  }),
];
const NODE = {
  addresses: [NODE_IP],
  podCidrs: [parseCidr('10.77.0.0/24')],
  serviceCidrs: [parseCidr('10.96.0.0/16')],
};
const ROWS = new Map(FRONTENDS.map((it) => [frontendKey(it), renderFrontend(it, NODE)]));
const CONTEXT = { skeleton: renderSkeleton(NODE), nodeIps: new Set([NODE_IP]) };
const POD = '10.77.0.10';
const OUTSIDE = '192.0.2.9';

function trace(from: string, to: string, protocol: 'TCP' | 'UDP' = 'TCP'): TraceVerdict {
  const [ip = '', port] = to.split(':');
  const source = parseIp(from === 'node' ? NODE_IP : from);
  const packet = { source, destination: parseIp(ip), port: parsePort(Number(port)), protocol };
  return traceIptables(ROWS, { ...packet, isFromNode: from === 'node' }, CONTEXT);
}

function to(...endpoints: readonly (readonly [string, boolean])[]): TraceVerdict {
  return {
    kind: 'endpoints',
    to: new Map(endpoints.map(([text, isMasqueraded]) => [text, { isMasqueraded }])),
  };
}

test('traceIptables() walks the rules to what a packet meets', () => {
  const rows: readonly (readonly [from: string, to: string, verdict: TraceVerdict])[] = [
    [POD, '10.96.0.5:80', to(['10.77.0.10 8080', true], ['10.77.1.13 8080', false])],
    ['10.77.0.11', '10.96.0.5:80', to(['10.77.0.10 8080', false], ['10.77.1.13 8080', false])],
    ['node', '10.96.0.5:80', to(['10.77.0.10 8080', false], ['10.77.1.13 8080', false])],
    [OUTSIDE, '10.96.0.5:80', to(['10.77.0.10 8080', true], ['10.77.1.13 8080', true])],
    [POD, '10.96.0.5:81', { kind: 'refused' }],
    [POD, '10.96.0.5:82', { kind: 'refused' }],
    ['node', '10.96.0.99:82', { kind: 'refused' }],
    [POD, '10.96.0.10:80', { kind: 'untouched' }],
    [POD, '10.96.0.10:9153', { kind: 'untouched' }],
    [POD, '203.0.113.1:30080', to(['10.77.0.11 8080', false], ['10.77.1.13 8080', false])],
    [OUTSIDE, '203.0.113.1:30080', to(['10.77.0.11 8080', false])],
    [OUTSIDE, '203.0.113.1:30081', { kind: 'dropped' }],
    [POD, '203.0.113.1:30081', to(['10.77.1.13 8080', false])],
    [OUTSIDE, '203.0.113.1:22', { kind: 'untouched' }],
    [OUTSIDE, '198.51.100.7:80', to(['10.77.0.11 8080', true])],
    ['192.0.3.9', '198.51.100.7:80', { kind: 'dropped' }],
    [POD, '198.51.100.7:80', { kind: 'dropped' }],
    ['node', '198.51.100.7:80', { kind: 'dropped' }],
  ];
  for (const [from, target, verdict] of rows)
    assert.deepEqual(trace(from, target), verdict, `${from} to ${target}`);
  assert.deepEqual(trace(POD, '10.96.0.5:80', 'UDP'), { kind: 'refused' });
});

test('traceIptables() refuses rules that nobody here renders', () => {
  const [key] = ROWS.keys();
  const row = ROWS.get(key!)!;
  const [chain] = [...row.chains.keys()];
  const odd = { ...row, chains: new Map([[chain!, '-m ttl --ttl-eq 1 -j DROP']]) };
  const packet = {
    source: parseIp(POD),
    destination: parseIp('10.96.0.5'),
    port: parsePort(80),
    protocol: 'TCP',
    isFromNode: false,
  } as const;
  assert.throws(() => traceIptables(new Map([[key!, odd]]), packet, CONTEXT), /--ttl-eq/);
});
