// What is compiled for the kernel against what the oracle says, for every connection of random clusters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Family, type Ip } from '../../src/base/ip.ts';
import { PEERS } from '../../src/base/policy-numbers.ts';
import type { Protocol } from '../../src/base/port.ts';
import {
  renderAddresses,
  renderPeers,
  renderPorts,
  standingOf,
} from '../../src/backends/policy-ebpf/render.ts';
import { tracePolicy, type PolicyMapState } from '../../src/backends/policy-ebpf/trace.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { PolicyObjects } from '../../src/compile/policy/policy-objects.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { parseClusterNetworkPolicy } from '../../src/objects/cluster-network-policy.ts';
import { identityKey, identityLabels, type Identity } from '../../src/objects/identity.ts';
import { mentionedKeys } from '../../src/objects/mentioned-labels.ts';
import { parseNamespace } from '../../src/objects/namespace.ts';
import { parseNetworkPolicy } from '../../src/objects/network-policy.ts';
import { parseNode } from '../../src/objects/node.ts';
import { parsePod, type Pod } from '../../src/objects/pod.ts';
import type { PolicyEnd } from '../../src/oracle/policy-end.ts';
import { judge } from '../../src/oracle/policy.ts';
import type { RawPolicyObjects } from '../../src/oracle/raw-policies.ts';
import { NODES, somePolicyState, type Raw, type RawPolicyState } from './arbitrary-policies.ts';

const CLUSTER = {
  podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:244::/48')],
  dnsIps: [parseIp('10.96.0.10')],
};

function keyed<T>(raw: readonly Raw[], parse: (it: unknown) => T): ReadonlyMap<string, T> {
  return new Map(
    raw.map((it) => {
      const { namespace, name } = it.metadata;
      return [namespace === undefined ? name : `${namespace}/${name}`, parse(it)];
    }),
  );
}

/** As the agent has them, with an identity for each pod as the controller gives it. */
function slimObjects(state: RawPolicyState): PolicyObjects {
  const networkPolicies = keyed(state.networkPolicies, parseNetworkPolicy);
  const clusterNetworkPolicies = keyed(state.clusterNetworkPolicies, parseClusterNetworkPolicy);
  const pods = keyed(state.pods, parsePod);
  const mentioned = mentionedKeys(networkPolicies.values(), clusterNetworkPolicies.values());
  return {
    nodes: keyed(state.nodes, parseNode),
    namespaces: keyed(state.namespaces, parseNamespace),
    pods,
    networkPolicies,
    clusterNetworkPolicies,
    identities: identitiesFor(pods.values(), mentioned),
    services: new Map(),
  };
}

function identitiesFor(pods: Iterable<Pod>, mentioned: ReadonlySet<string>): ReadonlyMap<string, Identity> {
  const known = new Map<string, Identity>();
  for (const { namespace, labels } of pods) {
    const of = { namespace, labels: identityLabels(labels, mentioned) };
    const number = 256 + known.size;
    const key = identityKey(of);
    if (!known.has(key))
      known.set(key, { namespace: '', name: String(number), uid: '', labels: new Map(), number, of });
  }
  return new Map([...known.values()].map((it) => [it.name, it]));
}

interface NodeMaps extends PolicyMapState {
  readonly policies: NodePolicies;
}

function mapsOf(policies: NodePolicies): NodeMaps {
  return {
    policies,
    ports: renderPorts(policies),
    addresses: renderAddresses(policies),
    peers: renderPeers(policies),
  };
}

interface Place {
  readonly end: PolicyEnd;
  /** Node that it is on, undefined for outside. */
  readonly node: string | undefined;
  readonly ips: readonly Ip[];
  readonly pod: Pod | undefined;
}

const OUTSIDE = ['203.0.113.4', '203.0.113.5', '203.0.113.200', '8.8.8.8', '2001:db8:ffff::1'].map((it) =>
  parseIp(it),
);

/** Whoever can speak: pods with addresses, nodes, and some outside. */
function placesOf(objects: PolicyObjects): readonly Place[] {
  const pods = [...objects.pods.values()].filter((it) => !it.isFinished && !it.isHostNetwork);
  return [
    ...pods.map((pod): Place => {
      const { namespace, name, node, ips } = pod;
      return { end: { kind: 'pod', namespace, name }, node, ips, pod };
    }),
    ...[...objects.nodes.values()].map(({ name, addresses: ips }): Place => {
      return { end: { kind: 'node', name }, node: name, ips, pod: undefined };
    }),
    ...OUTSIDE.map((ip): Place => {
      return { end: { kind: 'outside', ip }, node: undefined, ips: [ip], pod: undefined };
    }),
  ];
}

interface Asked {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
}

const ASKED: readonly Asked[] = ([4, 6] as const).flatMap((family) =>
  (
    [
      ['TCP', 80],
      ['TCP', 443],
      ['TCP', 8080],
      ['UDP', 53],
      ['UDP', 80],
      ['SCTP', 80],
    ] as const
  ).map(([protocol, port]) => ({ family, protocol, port })),
);

/** `isMarked`: the tunnel and the pods' links say who sends, or addresses alone do. */
function passes(nodes: ReadonlyMap<string, NodeMaps>, ends: Connection, isMarked: boolean): boolean {
  return (
    ends.from.end === ends.to.end ||
    (side(nodes, ends, 'egress', false) && side(nodes, ends, 'ingress', isMarked))
  );
}

interface Connection extends Asked {
  readonly from: Place;
  readonly to: Place;
}

function side(
  nodes: ReadonlyMap<string, NodeMaps>,
  { from, to, family, protocol, port }: Connection,
  direction: 'ingress' | 'egress',
  isMarked: boolean,
): boolean {
  const [own, peer] = direction === 'egress' ? [from, to] : [to, from];
  const maps = nodes.get(own.node ?? '');
  const remote = peer.ips.find((ip) => familyOf(ip) === family);
  if (own.pod === undefined || maps === undefined || remote === undefined) return true;
  const key = `${own.pod.namespace}/${own.pod.name}`;
  const standing = standingOf(maps.policies, { pod: { key, uid: own.pod.uid }, ips: own.ips });
  assert.ok(standing, `the policies of ${own.node} know ${key}`);
  const sender = peer.pod && maps.policies.addresses.get(parseCidr(`${remote}/${family === 4 ? 32 : 128}`));
  const mark = isMarked && sender !== undefined ? sender.peer & 0xffff : 0;
  const isOfNode = peer.end.kind === 'node' && peer.node === own.node;
  return tracePolicy(maps, { direction, standing, remote, protocol, port, mark, isOfNode });
}

function nodesOf(objects: PolicyObjects): ReadonlyMap<string, NodeMaps> {
  return new Map(
    NODES.map((nodeName) => [
      nodeName,
      mapsOf(new PolicyCompiler({ nodeName, cluster: CLUSTER }).compile(objects)),
    ]),
  );
}

/** Every connection that can be asked about. */
function* connectionsOf(objects: PolicyObjects): Iterable<Connection> {
  const places = placesOf(objects);
  for (const asked of ASKED)
    for (const from of places.filter((it) => it.ips.some((ip) => familyOf(ip) === asked.family)))
      for (const to of places.filter((it) => it.ips.some((ip) => familyOf(ip) === asked.family)))
        if (from.end !== to.end && (from.pod ?? to.pod) !== undefined) yield { from, to, ...asked };
}

test('policies compiled for the programs agree with the oracle on every connection', () => {
  fc.assert(
    fc.property(somePolicyState, (state) => {
      const objects = slimObjects(state);
      const nodes = nodesOf(objects);
      for (const it of connectionsOf(objects)) {
        const { from, to, ...asked } = it;
        const expected = judge(state as unknown as RawPolicyObjects, {
          from: from.end,
          to: to.end,
          ...asked,
        });
        for (const isMarked of [true, false])
          assert.equal(
            passes(nodes, it, isMarked),
            expected.isAllowed,
            JSON.stringify({ from: from.end, to: to.end, ...asked, isMarked, expected }),
          );
      }
    }),
    { numRuns: 150 },
  );
});

test('a compiler with a past compiles what a new one does', () => {
  fc.assert(
    fc.property(fc.array(somePolicyState, { minLength: 2, maxLength: 4 }), (states) => {
      const settings = { nodeName: NODES[0], cluster: CLUSTER };
      const old = new PolicyCompiler(settings);
      for (const state of states) {
        const objects = slimObjects(state);
        const expected = new PolicyCompiler(settings).compile(objects);
        assert.deepEqual(mapsOf(old.compile(objects)), mapsOf(expected));
      }
    }),
    { numRuns: 100 },
  );
});

test('a pod whose identity nobody has given is let less, never more', () => {
  fc.assert(
    fc.property(somePolicyState, (state) => {
      const whole = slimObjects(state);
      const [known, unknown] = [whole, { ...whole, identities: new Map() }].map(nodesOf);
      for (const it of connectionsOf(whole)) {
        if (known === undefined || unknown === undefined) return;
        if (!passes(unknown, it, false)) continue;
        assert.ok(passes(known, it, false), JSON.stringify({ from: it.from.end, to: it.to.end }));
      }
    }),
    { numRuns: 60 },
  );
  assert.equal(PEERS.unknownPod, 2);
});
