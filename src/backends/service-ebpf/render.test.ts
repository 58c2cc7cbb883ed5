// What of a node's view becomes rows of the maps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort, type Protocol } from '../../base/port.ts';
import { frontendKey, NO_FRONTEND_OPTIONS, type Frontend, type ServiceView } from '../../model/network.ts';
import { aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { renderFrontends } from '../shared-node/service-backend.ts';
import type { FrontendRow } from './frontend-row.ts';
import { EBPF_RENDERING, type RowContext } from './render.ts';

function render(...frontends: readonly Frontend[]): ReadonlyMap<string, FrontendRow> {
  return renderFrontends(EBPF_RENDERING, aView(frontends));
}

function aView(frontends: readonly Frontend[]): ServiceView {
  return {
    node: { ...SERVICE_NODE, addresses: [parseIp('192.0.2.1'), parseIp('2001:db8::1')] },
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    cluster: {
      podCidrs: [],
      serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
}

const someFrontends = fc.array(
  fc
    .record({
      ip: fc.constantFrom('10.96.0.5', '10.96.0.6').map(parseIp),
      port: fc.integer({ min: 1, max: 3 }).map(parsePort),
      protocol: fc.constantFrom<Protocol>('TCP', 'UDP', 'SCTP'),
      kind: fc.constantFrom<Frontend['kind']>('balanced', 'node-local'),
    })
    .map((it) => aFrontend([], it)),
  { maxLength: 5 },
);

test('EBPF_RENDERING finds what all rows depend on from a change as from the whole', () => {
  fc.assert(
    fc.property(fc.array(someFrontends, { minLength: 1 }), (states) => {
      let context: RowContext | undefined;
      let before: ServiceView['frontends'] = new Map();
      for (const view of states.map(aView)) {
        const changedFrontends = new Set([...before.keys(), ...view.frontends.keys()]);
        for (const [key, frontend] of before)
          if (view.frontends.get(key) === frontend) changedFrontends.delete(key);
        context = EBPF_RENDERING.contextOf(view, context && { context, changedFrontends });
        assert.deepEqual(context, EBPF_RENDERING.contextOf(view));
        before = view.frontends;
      }
    }),
  );
});

test('EBPF_RENDERING sorts endpoints, drops duplicates and those of the other family', () => {
  const endpoints = ['10.0.0.2:8080', '[fd00::1]:8080', '10.0.0.1:8080', '10.0.0.2:8080'];
  const direct = aFrontend(['10.0.0.9:8080', '[fd00::9]:8080']).outside;
  const row = render(aFrontend(endpoints, { affinityTimeoutS: 60, direct })).get('10.96.0.5:80/TCP');
  const choice = {
    endpoints: [
      { ip: '10.0.0.1', port: 8080 },
      { ip: '10.0.0.2', port: 8080 },
    ],
    whenEmpty: 'refuse',
  };
  assert.deepEqual(row, {
    ip: '10.96.0.5',
    port: 80,
    protocol: 'TCP',
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    admitsNode: true,
    isMaglev: false,
    affinityTimeoutS: 60,
    direct: [{ ip: '10.0.0.9', port: 8080 }],
    isExclusiveAddress: true,
  });
});

test('EBPF_RENDERING leaves node-local frontends out and the other ports of their address open', () => {
  const rows = render(
    aFrontend([], { kind: 'node-local', port: parsePort(53), protocol: 'UDP' }),
    aFrontend([], { port: parsePort(9153) }),
  );
  assert.deepEqual([...rows.keys()], ['10.96.0.5:9153/TCP']);
  assert.equal(rows.get('10.96.0.5:9153/TCP')?.isExclusiveAddress, false);
});

test('EBPF_RENDERING owns no address outside of the Service prefixes', () => {
  const rows = render(aFrontend([], { ip: parseIp('192.0.2.1') }));
  assert.equal(rows.get('192.0.2.1:80/TCP')?.isExclusiveAddress, false);
});

test('EBPF_RENDERING keeps both sides apart, and counts the node by its addresses where there are source ranges', () => {
  const ranges = ['192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32', '192.0.2.0/24'].map(parseCidr);
  const over = {
    outside: { endpoints: [], whenEmpty: 'drop' },
    masqueradesOutside: false,
    sourceRanges: ranges,
  } as const;
  const row = render(aFrontend(['10.0.0.1:8080'], over)).get('10.96.0.5:80/TCP');
  assert.deepEqual(row?.outside, { endpoints: [], whenEmpty: 'drop' });
  assert.equal(row.inside.endpoints.length, 1);
  assert.deepEqual([row.masqueradesOutside, row.admitsNode], [false, true]);
  assert.deepEqual(row.sourceRanges, ['192.0.2.0/24', '198.51.100.0/24']);
  const elsewhere = render(aFrontend([], { sourceRanges: [parseCidr('198.51.100.0/24')] }));
  assert.equal(elsewhere.get('10.96.0.5:80/TCP')?.admitsNode, false);
});

test('EBPF_RENDERING gives a table to those that ask for it and have outside endpoints to choose from', () => {
  const options = { ...NO_FRONTEND_OPTIONS, isMaglev: true };
  const isMaglev = (endpoints: readonly string[], over: Partial<Frontend> = {}): unknown =>
    render(aFrontend(endpoints, { options, ...over })).get('10.96.0.5:80/TCP')?.isMaglev;
  const two = ['10.0.0.1:8080', '10.0.0.2:8080'];
  assert.equal(isMaglev(two), true);
  assert.equal(isMaglev(two, { options: NO_FRONTEND_OPTIONS }), false);
  assert.equal(isMaglev(two.slice(1)), false);
  assert.equal(isMaglev(two, { outside: { endpoints: [], whenEmpty: 'drop' } }), false);
});
