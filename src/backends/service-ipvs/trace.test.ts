import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { renderFrontend } from './render.ts';
import type { IpvsRow } from './row.ts';
import { traceIpvs, type IpvsVerdict } from './trace.ts';

const A = '10.244.1.2:8080';
const B = '10.244.2.2:8080';
const POD = '10.244.1.2';
const NODE = '192.0.2.1';
const OUTSIDER = '198.51.100.9';
const NODE_IPS = [parseIp(NODE)];

/** Who comes to port 80 of the frontend's address, or another one; the verdict in a word and the endpoints. */
function trace(frontend: Frontend, source: string, port = 80): string {
  const place = {
    serviceCidrs: [parseCidr('10.96.0.0/16')],
    nodeLocalIps: [],
    scheduler: 'rr',
    ownPodCidrs: [],
    podCidrs: [],
  };
  const row = renderFrontend(frontend, { node: 'node-a', nodeIps: NODE_IPS, ...place });
  const rows = new Map<string, IpvsRow>(row === undefined ? [] : [[frontendKey(frontend), row]]);
  const { ip, protocol } = frontend;
  const packet = { source: parseIp(source), ip, port: parsePort(port), protocol };
  const context = { podCidrs: [parseCidr('10.244.1.0/24')], nodeIps: NODE_IPS };
  return verdictText(traceIpvs(rows, packet, context));
}

function verdictText(verdict: IpvsVerdict): string {
  if (verdict.kind !== 'balanced') return verdict.kind;
  const to = verdict.to.map(
    ({ ip }) => ip + (verdict.hairpins.some((it) => it.ip === ip) ? ' (itself)' : ''),
  );
  return `${to.join(', ')}${verdict.isMasqueraded ? ' hidden' : ''}`;
}

const LOCAL = { outside: aChoice(B), masqueradesOutside: false };
const RANGES = { sourceRanges: [parseCidr('198.51.100.0/24')] };
const ROWS: readonly (readonly [string, Frontend, string, string, number?])[] = [
  ['a pod that is an endpoint', aFrontend([A, B]), POD, '10.244.1.2 (itself), 10.244.2.2'],
  ['the node', aFrontend([A, B]), NODE, '10.244.1.2, 10.244.2.2'],
  ['an outsider is hidden', aFrontend([A]), OUTSIDER, '10.244.1.2 hidden'],
  ['traffic policy Local, inside', aFrontend([A, B], LOCAL), NODE, '10.244.1.2, 10.244.2.2'],
  ['traffic policy Local, outside', aFrontend([A, B], LOCAL), OUTSIDER, '10.244.2.2'],
  ['nobody there', aFrontend([]), POD, 'refused'],
  ['nobody there for outsiders', aFrontend([A], { outside: { endpoints: [], whenEmpty: 'drop' } }), OUTSIDER, 'dropped'],
  ['an unused port', aFrontend([A]), POD, 'refused', 81],
  ['an unused port of an external address', aFrontend([A], { ip: parseIp('203.0.113.1') }), POD, 'passed', 81],
  ['within the source ranges', aFrontend([A], RANGES), OUTSIDER, '10.244.1.2 hidden'],
  ['a pod outside of the source ranges', aFrontend([A], RANGES), POD, 'dropped'],
  ['the node outside of the source ranges', aFrontend([A], RANGES), NODE, 'dropped'],
  ['what the node serves itself', aFrontend([A], { kind: 'node-local' }), POD, 'passed'],
]; // prettier-ignore

for (const [name, frontend, source, expected, port] of ROWS)
  test(`traceIpvs(): ${name}`, () => assert.equal(trace(frontend, source, port), expected));
