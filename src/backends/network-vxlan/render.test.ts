import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { NetworkNode, NodeView } from '../../model/network.ts';
import { renderMasquerade } from '../shared-nft/masquerade.ts';
import type { VxlanState } from './entries.ts';
import { renderVxlan, tunnelMac } from './render.ts';

function aNode(index: number, change: Partial<NetworkNode> = {}): NetworkNode {
  return {
    name: `n${index}`,
    addresses: [parseIp(`10.89.1.${10 + index}`)],
    podCidrs: [parseCidr(`10.244.${index}.0/24`), parseCidr(`fd00:10:244:${index}::/64`)],
    labels: new Map(),
    ...change,
  };
}

function aView(node: NetworkNode, peers: readonly NetworkNode[]): NodeView {
  const cluster = {
    podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')],
    serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd00:10:96::/112')],
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  };
  return { node, peers, pods: [], frontends: new Map(), healthChecks: new Map(), cluster };
}

const UNDERLAY = { link: 'eth0', mtuBytes: 1500, local: parseIp('10.89.1.11') };

/** The state as `ip` and `bridge` would print it. */
function text(state: VxlanState): readonly string[] {
  const word = (name: string, value: string | undefined): string =>
    value === undefined ? '' : ` ${name} ${value}`;
  return [
    ...[...state.devices].map(
      ([name, it]) =>
        `link ${name} vni ${it.vni} port ${it.port} local ${it.local} dev ${it.underlay} mtu ${it.mtuBytes} learning ${it.isLearning} group policy ${it.hasGroupPolicy}`,
    ),
    ...[...state.addresses.values()].map((ip) => `address ${ip}`),
    ...[...state.neighbours.values()].map((it) => `neighbour ${it.ip} ${it.mac}`),
    ...[...state.forwardings.values()].map((it) => `forwarding ${it.mac} ${it.destination}`),
    ...[...state.routes.values()].map(
      (it) =>
        `${it.type} ${it.destination}${word('via', it.gateway)}${word('src', it.source)} table ${it.table}`,
    ),
    ...[...state.rules.values()].map((it) => `rule ${it.priority} from ${it.source} lookup ${it.table}`),
  ];
}

test('renderVxlan() with one peer', () => {
  assert.deepEqual(text(renderVxlan(aView(aNode(1), [aNode(2)]), UNDERLAY)), [
    'link fairlead.vx vni 76 port 8472 local 10.89.1.11 dev eth0 mtu 1450 learning false group policy true',
    'address 10.244.1.0',
    'address fd00:10:244:1::',
    `neighbour 10.244.2.0 ${tunnelMac('n2')}`,
    `neighbour fd00:10:244:2:: ${tunnelMac('n2')}`,
    `forwarding ${tunnelMac('n2')} 10.89.1.12`,
    'unreachable 10.244.1.0/24 table 254',
    'unreachable fd00:10:244:1::/64 table 254',
    'unreachable 10.244.0.0/16 table 254',
    'unreachable fd00:10:244::/56 table 254',
    'unicast 10.244.2.0/24 via 10.244.2.0 src 10.89.1.11 table 254',
    // No IPv6 address on the node: the tunnel's own.
    'unicast fd00:10:244:2::/64 via fd00:10:244:2:: src fd00:10:244:1:: table 254',
    'unicast 10.89.1.12/32 via 10.244.2.0 table 76',
    'rule 7600 from 10.244.1.0/24 lookup 76',
    'rule 7600 from fd00:10:244:1::/64 lookup 76',
  ]);
});

test('renderVxlan() with an IPv6 underlay: MTU minus 70, outer addresses of that family', () => {
  const v6 = (index: number): Partial<NetworkNode> => ({ addresses: [parseIp(`fd00:89::${index}`)] });
  const state = renderVxlan(aView(aNode(1, v6(1)), [aNode(2, v6(2))]), {
    link: 'eth0',
    mtuBytes: 1500,
    local: parseIp('fd00:89::1'),
  });
  assert.equal(state.devices.get('fairlead.vx')?.mtuBytes, 1430);
  assert.deepEqual([...state.forwardings.values()][0]?.destination, 'fd00:89::2');
});

test('renderVxlan() leaves out a peer without an address of the tunnel’s family', () => {
  const state = renderVxlan(aView(aNode(1), [aNode(2, { addresses: [parseIp('fd00:89::2')] })]), UNDERLAY);
  assert.equal(state.forwardings.size, 0);
  assert.equal(
    [...state.routes.values()].every((it) => it.type === 'unreachable'),
    true,
  );
});

test('renderVxlan() of a node without a prefix is empty', () => {
  const view = aView(aNode(1, { podCidrs: [] }), [aNode(2)]);
  assert.deepEqual(text(renderVxlan(view, UNDERLAY)), []);
  assert.equal(renderMasquerade(view).size, 0);
});

test('the tunnel’s MTU is never below what IPv6 needs', () => {
  const state = renderVxlan(aView(aNode(1), []), { ...UNDERLAY, mtuBytes: 1300 });
  assert.equal(state.devices.get('fairlead.vx')?.mtuBytes, 1280);
});

test('renderMasquerade() spares pods and nodes; a prefix inside of another is not written twice', () => {
  assert.deepEqual(
    [...renderMasquerade(aView(aNode(1), [aNode(2)])).keys()],
    [
      'skeleton',
      'pods4 10.244.1.0/24',
      'pods6 fd00:10:244:1::/64',
      'inside4 10.244.0.0/16',
      'inside6 fd00:10:244::/56',
      'inside4 10.89.1.11/32',
      'inside4 10.89.1.12/32',
    ],
  );
});
