import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aChoice, aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type ClusterNetwork, type Frontend } from '../../model/network.ts';
import { renderFrontends } from '../shared-node/service-backend.ts';
import { NFTABLES_RENDERING, renderSkeleton } from './render.ts';
import { SKELETON_KEY } from './skeleton-entry.ts';
import { traceNftables, type TracedPacket, type TraceVerdict } from './trace.ts';

const CLUSTER: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: [parseCidr('10.96.0.0/16')],
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
};
const [A, B] = ['10.244.1.7:8080', '10.244.2.8:8080'] as const;
const ip = parseIp('10.89.1.11');

function trace(packet: Partial<TracedPacket>, ...frontends: readonly Frontend[]): TraceVerdict {
  const view = {
    node: { ...SERVICE_NODE, podCidrs: [parseCidr('10.244.1.0/24')] },
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    cluster: CLUSTER,
  };
  const skeleton = renderSkeleton(view).get(SKELETON_KEY);
  assert.ok(skeleton);
  const whole: TracedPacket = {
    from: 'link',
    source: parseIp('10.244.1.9'),
    ip: parseIp('10.96.0.5'),
    port: parsePort(80),
    protocol: 'TCP',
    ...packet,
  };
  return traceNftables(renderFrontends(NFTABLES_RENDERING, view), whole, {
    ...skeleton,
    cluster: CLUSTER.serviceCidrs,
  });
}

function to(...endpoints: readonly string[]): TraceVerdict {
  return {
    kind: 'translated',
    endpoints: endpoints.map((text) => {
      const [address = '', hidden] = text.split(' ');
      const [ip = '', port] = address.split(':');
      return { ip: parseIp(ip), port: parsePort(Number(port)), isMasqueraded: hidden === 'hidden' };
    }),
  };
}

const outside = { source: parseIp('192.0.2.1') };
const nodePort = { scope: 'node-port', ip, inside: aChoice(A, B), masqueradesOutside: false } as const;
const local = aFrontend([], { ...nodePort, outside: aChoice(A) });
const nobodyHere = aFrontend([], { ...nodePort, outside: { endpoints: [], whenEmpty: 'drop' } });
const limited = aFrontend([A], { sourceRanges: [parseCidr('192.0.2.0/24'), parseCidr('192.0.2.0/25')] });

const ROWS: readonly {
  readonly name: string;
  readonly got: () => TraceVerdict;
  readonly want: TraceVerdict;
}[] = [
  { name: 'a pod keeps its address', got: () => trace({}, aFrontend([A, B])), want: to(A, B) },
  { name: 'an outside client is hidden', got: () => trace(outside, aFrontend([A])), want: to(`${A} hidden`) },
  { name: 'a pod that is its own endpoint is hidden', got: () => trace({ source: parseIp('10.244.1.7') }, aFrontend([A, B])), want: to(`${A} hidden`, B) },
  { name: 'affinity leads to the same endpoints', got: () => trace({}, aFrontend([A, B], { affinityTimeoutS: 60 })), want: to(A, B) },
  { name: 'the node is inside', got: () => trace({ from: 'node', source: ip }, aFrontend([A])), want: to(A) },
  { name: 'no endpoint refuses', got: () => trace({}, aFrontend([])), want: { kind: 'refused' } },
  { name: 'another port of a ClusterIP refuses', got: () => trace({ port: parsePort(81) }, aFrontend([A])), want: { kind: 'refused' } },
  { name: 'another port of a node is left alone', got: () => trace({ ip, port: parsePort(81) }, local), want: { kind: 'untouched' } },
  { name: 'ports of what the node serves itself are left alone', got: () => trace({ port: parsePort(81) }, aFrontend([], { kind: 'node-local' })), want: { kind: 'untouched' } },
  { name: 'policy Local: outside clients stay on the node and keep their address', got: () => trace({ ...outside, ip }, local), want: to(A) },
  { name: 'policy Local: inside clients go anywhere', got: () => trace({ ip }, local), want: to(A, B) },
  { name: 'policy Local: silence where none is here', got: () => trace({ ...outside, ip }, nobodyHere), want: { kind: 'dropped' } },
  { name: 'a source in the ranges', got: () => trace(outside, limited), want: to(`${A} hidden`) },
  { name: 'a source outside of the ranges, inside clients too', got: () => trace({}, limited), want: { kind: 'dropped' } },
]; // prettier-ignore

for (const { name, got, want } of ROWS) {
  test(`traceNftables(): ${name}`, () => assert.deepEqual(got(), want));
}
