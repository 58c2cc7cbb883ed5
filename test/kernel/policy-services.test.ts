// Every pair of a Service and a policy backend: whom a Service leads to a pod is judged as who they are, hidden or not, whom a pod reaches by one as the
// pod behind it, and the pod's own node is let in by whatever way.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BACKEND_PAIRS, type BackendPair } from '../../src/backends/pairs.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../../src/backends/registry.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { WORLD_NETWORK, worldNode } from '../contract/arbitrary-world.ts';
import { openPair, type PairNames, type RunningPair } from '../contract/pair-backends.ts';
import { hasIpvs } from '../contract/service-backends.ts';
import { startPeers, viewOf } from '../contract/service-contract.ts';
import { buildServiceWorld, type WorldPeer } from '../contract/service-world.ts';
import { slimPolicyObjects } from '../support/policy-state.ts';
import { aFrontend, SERVICE_NODE } from '../support/service-samples.ts';
import { SILENCE_MS } from '../support/time-scale.ts';

/** Where Services are, by family: `web` leads to pod a from everywhere, `far` to a pod of another node; outside clients of `local` keep their address. */
const PLACES = {
  web: ['10.96.0.10', 'fd96::10'],
  far: ['10.96.0.11', 'fd96::11'],
  balancer: ['198.51.100.7', '2001:db8:e::7'],
  local: ['198.51.100.8', '2001:db8:e::8'],
} as const;
type ServicePlace = keyof typeof PLACES;

const POD_IPS = {
  client: ['10.77.0.10', 'fd77::10'],
  a: ['10.77.0.11', 'fd77::11'],
  b: ['10.77.0.12', 'fd77::12'],
  remote: ['10.77.1.13', 'fd77:0:0:1::13'],
} as const;

const FRONTENDS = Object.entries(PLACES).flatMap(([name, ips]) =>
  ips.flatMap((ip, family) =>
    (['TCP', 'UDP'] as const).map((protocol) => {
      const target = POD_IPS[name === 'far' ? 'remote' : 'a'][family] ?? '';
      const isInside = name === 'web' || name === 'far';
      return aFrontend([family === 0 ? `${target}:8080` : `[${target}]:8080`], {
        ip: parseIp(ip),
        protocol,
        scope: isInside ? 'cluster-ip' : 'load-balancer',
        masqueradesOutside: name !== 'local',
      });
    }),
  ),
);

/** Policies of pods by their labels: each pod has the label app of its own name. */
function policiesOf(specs: readonly object[]): NodePolicies {
  const pods = Object.entries(POD_IPS).map(([name, ips]) => ({
    metadata: { namespace: 'shop', name, uid: name, labels: { app: name } },
    spec: { nodeName: name === 'remote' ? 'node-b' : SERVICE_NODE.name, containers: [] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  }));
  const objects = slimPolicyObjects({
    nodes: [worldNode() as { readonly metadata: { readonly name: string } }],
    namespaces: [{ metadata: { name: 'shop' } }],
    pods,
    networkPolicies: specs.map((spec, at) => ({ metadata: { namespace: 'shop', name: `p${at}` }, spec })),
    clusterNetworkPolicies: [],
  });
  const cluster = { podCidrs: WORLD_NETWORK.podCidrs, dnsIps: WORLD_NETWORK.dnsIps };
  return new PolicyCompiler({ nodeName: SERVICE_NODE.name, cluster }).compile(objects);
}

const app = (name: string): object => ({ podSelector: { matchLabels: { app: name } } });
const blocks = ['192.0.2.8/29', '2001:db8::8/125'].map((cidr) => ({ ipBlock: { cidr } }));
const allowing = (of: string, ...from: readonly object[]): object => ({
  ...app(of),
  policyTypes: ['Ingress'],
  ingress: [{ from }],
});
const reaching = (of: string, to: readonly object[], port = 8080): object => ({
  ...app(of),
  policyTypes: ['Egress'],
  egress: [{ to, ports: ['TCP', 'UDP'].map((protocol) => ({ protocol, port })) }],
});

const ALL = ['TCP4', 'UDP4', 'TCP6', 'UDP6'];

interface Row {
  readonly name: string;
  readonly policies: readonly object[];
  readonly from: string;
  readonly to: ServicePlace;
  /** `as-client`: where policies are asked about the client and not about the node that hides it. */
  readonly passes: boolean | 'as-client';
}

const ONLY_B = [allowing('a', app('b'))];
const B_AND_BLOCKS = [allowing('a', app('b'), ...blocks)];

const ROWS: readonly Row[] = [
  { name: 'a pod that is let in', policies: ONLY_B, from: 'b', to: 'web', passes: true },
  { name: 'a pod that is not', policies: ONLY_B, from: 'client', to: 'web', passes: false },
  { name: 'the node by a Service', policies: ONLY_B, from: 'node', to: 'web', passes: true },
  { name: 'the node by a balancer', policies: ONLY_B, from: 'node', to: 'balancer', passes: true },
  { name: 'pods by a balancer', policies: ONLY_B, from: 'b', to: 'balancer', passes: true },
  {
    name: 'a pod that is not, by a balancer',
    policies: ONLY_B,
    from: 'client',
    to: 'balancer',
    passes: false,
  },
  { name: 'outside, hidden', policies: ONLY_B, from: 'outside', to: 'balancer', passes: false },
  { name: 'outside, with its address', policies: ONLY_B, from: 'outside', to: 'local', passes: false },
  { name: 'a block, hidden', policies: B_AND_BLOCKS, from: 'outside', to: 'balancer', passes: 'as-client' },
  { name: 'a block, with its address', policies: B_AND_BLOCKS, from: 'outside', to: 'local', passes: true },
  { name: 'a pod to itself', policies: ONLY_B, from: 'a', to: 'web', passes: true },
  {
    name: 'a pod to whom it may, by the endpoint’s port',
    policies: [reaching('client', [app('a')])],
    from: 'client',
    to: 'web',
    passes: true,
  },
  {
    name: 'a pod to whom it may, by the Service’s port',
    policies: [reaching('client', [app('a')], 80)],
    from: 'client',
    to: 'web',
    passes: false,
  },
  {
    name: 'a pod to whom it may not',
    policies: [reaching('client', [app('b')])],
    from: 'client',
    to: 'web',
    passes: false,
  },
  {
    name: 'a pod to the addresses of a Service',
    policies: [
      reaching('client', [{ ipBlock: { cidr: '10.96.0.0/16' } }, { ipBlock: { cidr: 'fd96::/112' } }]),
    ],
    from: 'client',
    to: 'web',
    passes: false,
  },
  {
    name: 'a pod to another node’s pod to whom it may',
    policies: [reaching('client', [app('remote')])],
    from: 'client',
    to: 'far',
    passes: true,
  },
  {
    name: 'a pod to another node’s pod to whom it may not',
    policies: [reaching('client', [app('a')])],
    from: 'client',
    to: 'far',
    passes: false,
  },
  {
    name: 'both ends allow',
    policies: [reaching('b', [app('a')]), ...ONLY_B],
    from: 'b',
    to: 'web',
    passes: true,
  },
  {
    name: 'the one allows, the other does not',
    policies: [reaching('client', [app('a')]), ...ONLY_B],
    from: 'client',
    to: 'web',
    passes: false,
  },
];

/** Each flavour of iptables is a backend of its own to the kernel. */
const PAIRS: readonly (BackendPair & PairNames)[] = BACKEND_PAIRS.filter(
  ({ service, policy }) =>
    SERVICE_BACKENDS.some(({ name }) => name === service) &&
    POLICY_BACKENDS.some(({ name }) => name === policy),
).flatMap((pair) =>
  pair.service === 'iptables'
    ? (['nft', 'legacy'] as const).map((flavour) => ({ ...pair, flavour }))
    : [pair],
);
const withoutIpvs = !hasIpvs() && 'this kernel has no IPVS: test/vm/README.md';

for (const pair of PAIRS) {
  const { service, policy, flavour, hidden } = pair;
  const name = flavour === undefined ? service : `${service} (${flavour})`;
  describe(`Services by ${name}, policies by ${policy}`, { skip: service === 'ipvs' && withoutIpvs }, () => {
    const lifetime = new Lifetime(`${name} and ${policy}`);
    let peers: ReadonlyMap<string, WorldPeer>;
    let running: RunningPair;

    before(async () => {
      const world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      running = await openPair(pair, world, lifetime);
      peers = await startPeers(world, service === 'ebpf');
    });
    after(() => lifetime.close());

    async function passed(from: string, to: ServicePlace, isDenied: boolean): Promise<readonly string[]> {
      const answered: string[] = [];
      for (const [at, ip] of PLACES[to].entries()) {
        const ask = { ip, port: 80, ...(isDenied && { waitMs: SILENCE_MS }) };
        const stream = await peers.get(from)?.ask({ kind: 'connect', ...ask });
        const datagram = await peers.get(from)?.ask({ kind: 'send', count: 1, isConnected: false, ...ask });
        if (stream?.error === undefined) answered.push(`TCP${at === 0 ? 4 : 6}`);
        if (datagram?.error === undefined) answered.push(`UDP${at === 0 ? 4 : 6}`);
      }
      return answered;
    }

    for (const { name: what, policies, from, to, passes } of ROWS) {
      const isDenied = passes === 'as-client' ? hidden === 'node' : !passes;
      test(`${what}: ${from} to ${to} ${isDenied ? 'is denied' : 'passes'}`, async () => {
        await running.apply(viewOf(FRONTENDS), policiesOf(policies));
        assert.deepEqual(await passed(from, to, isDenied), isDenied ? [] : ALL);
      });
    }
  });
}
