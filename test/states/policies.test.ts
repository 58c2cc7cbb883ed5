// What is compiled for the kernel against what the oracle says, for every connection of random clusters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { parseCidr, type Cidr } from '../../src/base/cidr.ts';
import { familyOf } from '../../src/base/ip.ts';
import {
  followAddresses,
  renderAddresses,
  renderPeers,
  renderPorts,
} from '../../src/backends/policy-ebpf/render.ts';
import type { PodLink, PolicyView } from '../../src/backends/shared-node/policy-backend.ts';
import { standingOf } from '../../src/backends/shared-node/pod-standing.ts';
import { followPolicies, renderPolicies, TABLE_KEY } from '../../src/backends/policy-nftables/render.ts';
import type { PolicyTable } from '../../src/backends/policy-nftables/table-plan.ts';
import { PolicyTrace as TableTrace } from '../../src/backends/policy-nftables/trace.ts';
import type { PolicyRules } from '../../src/backends/policy-iptables/policy-rules.ts';
import { PolicyRenderer } from '../../src/backends/policy-iptables/render.ts';
import { PolicyTrace as ChainTrace } from '../../src/backends/policy-iptables/trace.ts';
import type { PolicyJudge } from '../../src/backends/shared-policy/policy-judge.ts';
import { tracePolicy, type PolicyMapState } from '../../src/backends/policy-ebpf/trace.ts';
import { PolicyCompiler, type PolicyChanges } from '../../src/compile/policy/policy-compiler.ts';
import type { PolicyObjects } from '../../src/compile/policy/policy-objects.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { judge } from '../../src/oracle/policy.ts';
import {
  connectionsOf,
  POLICY_CLUSTER,
  rawPolicyObjects,
  slimPolicyObjects,
  type Connection,
} from '../support/policy-state.ts';
import { NODES, somePolicyState, type RawPolicyState } from './arbitrary-policies.ts';

interface NodeMaps extends PolicyMapState {
  readonly policies: NodePolicies;
  readonly table: PolicyTable;
  readonly chains: ReadonlyMap<string, PolicyRules>;
  /** By the name of the backend. */
  readonly traces: ReadonlyMap<string, PolicyJudge>;
}

/** With a link for each of the node's pods. */
function linksOf(policies: NodePolicies): readonly PodLink[] {
  return [...policies.pods].map(([key, { ips, uid }], at) => ({ ifindex: at + 1, ips, pod: { key, uid } }));
}

function tableOf(policies: NodePolicies): PolicyTable {
  const [table] = renderPolicies({ ...policies, links: linksOf(policies) }).values();
  assert.ok(table);
  return table;
}

function mapsOf(policies: NodePolicies, renderer = new PolicyRenderer()): NodeMaps {
  const table = tableOf(policies);
  const chains = renderer.render({ ...policies, links: linksOf(policies) });
  return {
    policies,
    ports: renderPorts(policies),
    addresses: renderAddresses(policies),
    peers: renderPeers(policies),
    table,
    chains,
    traces: new Map<string, PolicyJudge>([
      ['nftables', new TableTrace(table.elements)],
      ['iptables', new ChainTrace(chains)],
    ]),
  };
}

/** `isMarked`: the tunnel and the pods' links say who sends, or addresses alone do. */
function passes(nodes: ReadonlyMap<string, NodeMaps>, ends: Connection, isMarked: boolean): boolean {
  return (
    ends.from.end === ends.to.end ||
    (side(nodes, ends, 'egress', false) && side(nodes, ends, 'ingress', isMarked))
  );
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
  const asked = { direction, remote, protocol, port, mark, isOfNode };
  const isLetIn = tracePolicy(maps, { ...asked, standing });
  const ip = own.ips.find((it) => familyOf(it) === family);
  // To its own node a pod's packets meet no rule of netfilter.
  if (ip !== undefined && !(direction === 'egress' && isOfNode))
    for (const [name, trace] of maps.traces)
      assert.equal(
        trace.passes({ ...asked, own: ip }),
        isLetIn,
        `${name} and the programs differ: ${JSON.stringify({ ...asked, own: ip })}`,
      );
  return isLetIn;
}

function nodesOf(objects: PolicyObjects): ReadonlyMap<string, NodeMaps> {
  return new Map(
    NODES.map((nodeName) => [
      nodeName,
      mapsOf(new PolicyCompiler({ nodeName, cluster: POLICY_CLUSTER }).compile(objects)),
    ]),
  );
}

test('policies compiled for the programs agree with the oracle on every connection', () => {
  fc.assert(
    fc.property(somePolicyState, (state) => {
      const objects = slimPolicyObjects(state);
      const nodes = nodesOf(objects);
      for (const it of connectionsOf(objects)) {
        const { from, to, ...asked } = it;
        const expected = judge(rawPolicyObjects(state), {
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
    { numRuns: 300 },
  );
});

test('a compiler with a past compiles what a new one does', () => {
  fc.assert(
    fc.property(fc.array(somePolicyState, { minLength: 2, maxLength: 4 }), (states) => {
      const settings = { nodeName: NODES[0], cluster: POLICY_CLUSTER };
      const old = new PolicyCompiler(settings);
      const renderer = new PolicyRenderer();
      for (const state of states) {
        const objects = slimPolicyObjects(state);
        const expected = new PolicyCompiler(settings).compile(objects);
        assert.deepEqual(mapsOf(old.compile(objects), renderer), mapsOf(expected));
      }
    }),
    { numRuns: 100 },
  );
});

const MOST_PODS = 7;

/** Some of a state replaced by another's. */
const someWay = fc.array(
  fc.record({
    state: somePolicyState,
    takes: fc.record({
      policies: fc.boolean(),
      places: fc.nat(9).map((it) => it === 0),
      learned: fc.boolean(),
    }),
    pods: fc.oneof(
      fc.constant<boolean[]>(Array.from({ length: MOST_PODS }, () => false)),
      fc.array(fc.boolean(), { minLength: MOST_PODS, maxLength: MOST_PODS }),
    ),
  }),
  { minLength: 2, maxLength: 5 },
);

function partOf(before: RawPolicyState, { state, takes, pods }: Step): RawPolicyState {
  const { networkPolicies, clusterNetworkPolicies } = takes.policies ? state : before;
  const { nodes, namespaces } = takes.places ? state : before;
  const { learned } = takes.learned ? state : before;
  const mixed = pods.flatMap((isNew, at) => (isNew ? state : before).pods[at] ?? []);
  return {
    nodes,
    namespaces,
    networkPolicies,
    clusterNetworkPolicies,
    pods: mixed,
    ...(learned === undefined ? {} : { learned }),
  };
}

type Step = typeof someWay extends fc.Arbitrary<(infer S)[]> ? S : never;

/** The values of before where they are the same, as a store has them, and the keys of the others. */
function keepEqual<K, V>(
  before: ReadonlyMap<K, V>,
  now: ReadonlyMap<K, V>,
): { readonly kept: ReadonlyMap<K, V>; readonly changed: ReadonlySet<K> } {
  const isSame = (key: K): boolean =>
    before.has(key) && now.has(key) && isDeepStrictEqual(before.get(key), now.get(key));
  const changed = new Set([...before.keys(), ...now.keys()].filter((it) => !isSame(it)));
  const kept = [...now].map(([key, it]) => [key, changed.has(key) ? it : (before.get(key) ?? it)] as const);
  return { kept: new Map(kept), changed };
}

/** The objects with those of before where they are the same, and what is to be said of them. */
function followed(
  before: PolicyObjects,
  made: PolicyObjects,
): { readonly objects: PolicyObjects; readonly changes: PolicyChanges } {
  const pods = keepEqual(before.pods, made.pods);
  const learned = keepEqual(before.learned, made.learned);
  const policies = keepEqual(before.networkPolicies, made.networkPolicies);
  const clusterPolicies = keepEqual(before.clusterNetworkPolicies, made.clusterNetworkPolicies);
  const places = [
    keepEqual(before.nodes, made.nodes).changed,
    keepEqual(before.namespaces, made.namespaces).changed,
    keepEqual(before.identities, made.identities).changed,
  ];
  const objects = {
    ...made,
    pods: pods.kept,
    learned: learned.kept,
    networkPolicies: policies.kept,
    clusterNetworkPolicies: clusterPolicies.kept,
  };
  const changes = {
    policies: policies.changed.size + clusterPolicies.changed.size > 0,
    peers: places.some((it) => it.size > 0),
    pods: pods.changed,
    learned: learned.changed,
  };
  return { objects, changes };
}

/** The backends that follow addresses, held to what they render as a whole. */
function aFollower(): (policies: NodePolicies, changed: ReadonlySet<Cidr> | undefined) => void {
  const [addresses, table] = [followAddresses(), followPolicies()];
  let links: readonly PodLink[] = [];
  let pods: NodePolicies['pods'] | undefined;
  let last: PolicyTable | undefined;
  return (policies, changed) => {
    // Links are the same list while none changes.
    if (policies.pods !== pods) links = linksOf(policies);
    pods = policies.pods;
    const view = { ...policies, links };
    assert.deepEqual(addresses(view, changed).desired, renderAddresses(view));
    const now = table(view, changed).desired?.get(TABLE_KEY);
    assert.ok(now);
    assert.deepEqual(now.elements, tableOf(policies).elements);
    if (last !== undefined && now.change?.from.deref() === last.elements) assertChange(last, now, view);
    last = now;
  };
}

/** A change of a table names all that is otherwise, and closes nothing where it says so. */
function assertChange(before: PolicyTable, after: PolicyTable, { links }: PolicyView): void {
  const { keys, ips, isOpening } = after.change ?? assert.fail();
  const others = keepEqual(before.elements, after.elements).changed;
  assert.ok(others.isSubsetOf(keys));
  if (!isOpening) return;
  const [was, is] = [new TableTrace(before.elements), new TableTrace(after.elements)];
  for (const own of links.flatMap((it) => it.ips))
    for (const remote of ips)
      for (const { direction, protocol, port } of OPENINGS) {
        const asked = { own, remote, direction, protocol, port, mark: 0, isOfNode: false };
        assert.ok(!was.passes(asked) || is.passes(asked), JSON.stringify(asked));
      }
}

const OPENINGS = (['ingress', 'egress'] as const).flatMap((direction) =>
  (
    [
      ['TCP', 80],
      ['UDP', 53],
    ] as const
  ).map(([protocol, port]) => ({ direction, protocol, port })),
);

test('a compiler that is told what changed compiles what a new one does, and says which addresses are others', () => {
  fc.assert(
    fc.property(somePolicyState, someWay, (first, way) => {
      const settings = { nodeName: NODES[0], cluster: POLICY_CLUSTER };
      const old = new PolicyCompiler(settings);
      const renderer = new PolicyRenderer();
      let state = first;
      let before = slimPolicyObjects(first);
      const follow = aFollower();
      const start = old.follow(before);
      follow(start.policies, start.changedAddresses);
      let known = new Map(start.policies.addresses);
      for (const step of way) {
        state = partOf(state, step);
        const { objects, changes } = followed(before, slimPolicyObjects(state));
        before = objects;
        const { policies, changedAddresses } = old.follow(objects, changes);
        assert.deepEqual(mapsOf(policies, renderer), mapsOf(new PolicyCompiler(settings).compile(objects)));
        if (changedAddresses !== undefined)
          assert.deepEqual(changedAddresses, keepEqual(known, policies.addresses).changed);
        follow(policies, changedAddresses);
        known = new Map(policies.addresses);
      }
    }),
    { numRuns: 400 },
  );
});

test('a pod whose identity nobody has given is let less, never more', () => {
  fc.assert(
    fc.property(somePolicyState, (state) => {
      const whole = slimPolicyObjects(state);
      const [known, unknown] = [whole, { ...whole, identities: new Map() }].map(nodesOf);
      for (const it of connectionsOf(whole)) {
        if (known === undefined || unknown === undefined) return;
        if (!passes(unknown, it, false)) continue;
        assert.ok(passes(known, it, false), JSON.stringify({ from: it.from.end, to: it.to.end }));
      }
    }),
    { numRuns: 60 },
  );
});
