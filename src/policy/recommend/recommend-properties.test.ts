import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someObjects } from '../../../test/support/arbitrary-policies.ts';
import { POD_CIDRS } from '../../../test/support/policy-world-of.ts';
import { hasCode } from '../../base/errors.ts';
import { tryParseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { objectOf } from '../../objects/json.ts';
import type { PlacedObject } from '../placed-object.ts';
import { DNS_END, withDns } from '../cluster-dns.ts';
import { nameOfParty } from '../party.ts';
import { oracleJudge } from '../policy-judge.ts';
import { readPolicyWorld } from '../policy-world.ts';
import { nameOfWorkload } from '../workload.ts';
import { askConnections, isNameQuestion, type AskedConnection } from './asked-connection.ts';
import type { RecordedConnection } from './connection-record.ts';
import { recommendPolicies, type Recommendation } from './recommend.ts';
import type { RecommendedPolicy, RecommendedRule } from './recommended-policy.ts';
import { worldWith } from './replay.ts';

const SETTINGS = { podCidrs: POD_CIDRS };

const someEnd = fc.oneof(
  { weight: 6, arbitrary: fc.nat(5).map((at) => ({ at })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('203.0.113.7', '203.0.113.99', '192.0.2.2', '2001:db8::7', DNS_END),
  },
);

const someFlow = fc.record({
  from: someEnd,
  to: someEnd,
  family: fc.constantFrom(4 as const, 6 as const),
  at: fc.constantFrom(
    { protocol: 'TCP' as const, port: parsePort(80) },
    { protocol: 'TCP' as const, port: parsePort(81) },
    { protocol: 'TCP' as const, port: parsePort(9) },
    { protocol: 'UDP' as const, port: parsePort(53) },
  ),
});

type Flow = typeof someFlow extends fc.Arbitrary<infer T> ? T : never;

/** Connections among whatever the objects have; those that policies deny, or that cannot be, are left to be left out. */
function connectionsOf(
  placed: readonly PlacedObject[],
  flows: readonly Flow[],
): readonly RecordedConnection[] {
  const { workloads } = readPolicyWorld(placed, SETTINGS);
  const nameOf = (end: Flow['from']): string => {
    if (typeof end === 'string') return end;
    const found = workloads[end.at % workloads.length];
    return found === undefined ? '' : nameOfWorkload(found);
  };
  return flows
    .map(({ from, to, family, at }) => {
      const named = { from: nameOf(from), to: nameOf(to) };
      const ip = [named.from, named.to].map((it) => tryParseIp(it)).find((it) => it !== undefined);
      const ofIp = ip === undefined ? family : ip.includes(':') ? (6 as const) : (4 as const);
      return { ...named, family: ofIp, ...at, connections: 1, isAnswered: true };
    })
    .filter((it) => it.from !== DNS_END);
}

interface Recommended {
  readonly placed: readonly PlacedObject[];
  readonly asked: readonly AskedConnection[];
  readonly it: Recommendation;
}

/** Undefined where pods have no labels to be chosen by. */
function recommended(placed: readonly PlacedObject[], flows: readonly Flow[]): Recommended | undefined {
  const connections = connectionsOf(placed, flows);
  const record = {
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
    leftOut: 0,
    names: new Map(),
    learned: new Map(),
    connections,
  };
  const known = withDns(placed, SETTINGS);
  try {
    const it = recommendPolicies(placed, record, { ...SETTINGS, namespaces: [], outsidePrefix: {} });
    return { placed: known.placed, asked: askConnections(known, connections).asked, it };
  } catch (error) {
    if (hasCode(error, 'invalid')) return undefined;
    throw error;
  }
}

/** Every workload with a label of its own, so that each can be chosen alone. */
function withOwnLabels(placed: readonly PlacedObject[]): readonly PlacedObject[] {
  return placed.map((it) => {
    const { kind, metadata } = it.object;
    if (kind !== 'Pod' && kind !== 'Deployment') return it;
    const labels = { ...metadata.labels, name: metadata.name };
    const spec = objectOf(it.object['spec']);
    const template = { ...objectOf(spec['template']), metadata: { labels } };
    const more = kind === 'Pod' ? {} : { spec: { ...spec, selector: { matchLabels: labels }, template } };
    return { ...it, object: { ...it.object, metadata: { ...metadata, labels }, ...more } };
  });
}

/** The policies with one peer or port of one rule missing, each. */
function* thinner(policies: readonly RecommendedPolicy[]): Generator<readonly RecommendedPolicy[]> {
  for (const [i, policy] of policies.entries())
    if (policy.subject !== undefined)
      for (const less of [...thinnerIn(policy, 'ingress'), ...thinnerIn(policy, 'egress')])
        yield policies.with(i, less);
}

function thinnerIn(policy: RecommendedPolicy, direction: 'ingress' | 'egress'): readonly RecommendedPolicy[] {
  const rules = policy[direction];
  return rules.flatMap((rule, i) =>
    thinnerRules(rule).map((less) => ({ ...policy, [direction]: rules.with(i, less) })),
  );
}

function thinnerRules({ peers, ports }: RecommendedRule): readonly RecommendedRule[] {
  // No peer, or no port, would mean all of them.
  const nobody = {
    peer: { ipBlock: { cidr: '192.0.2.200/32' } },
    about: [],
    connections: 0,
    isAnswered: true,
  };
  const nothing = { protocol: 'SCTP' as const, port: 1, name: undefined };
  return [
    ...peers.map((_, i) => ({ peers: peers.with(i, nobody), ports })),
    ...ports.map((_, i) => ({ peers, ports: ports.with(i, nothing) })),
  ];
}

const someFlows = fc.array(someFlow, { maxLength: 8 });

test('recommendPolicies() lets pass all that was seen and is not denied now, in every world', () => {
  fc.assert(
    fc.property(someObjects, someFlows, (placed, flows) => {
      const found = recommended(placed, flows);
      if (found === undefined) return;
      const judge = oracleJudge(worldWith(found.placed, found.it.policies, SETTINGS));
      for (const { question } of found.asked) assert.ok(judge.judge(question).isAllowed);
    }),
  );
});

test('recommendPolicies() opens nothing that was not seen where labels tell workloads apart, and no peer or port of a rule can go', () => {
  fc.assert(
    fc.property(someObjects, someFlows, (objects, flows) => {
      const found = recommended(withOwnLabels(objects), flows);
      assert.ok(found);
      const { placed, asked, it } = found;
      assert.deepEqual(it.unseen, []);
      const others = placed.filter(
        ({ object }) => object.kind !== 'NetworkPolicy' && object.kind !== 'ClusterNetworkPolicy',
      );
      for (const policies of thinner(it.policies)) {
        const judge = oracleJudge(worldWith(others, policies, SETTINGS));
        assert.ok(asked.some(({ question }) => !judge.judge(question).isAllowed));
      }
    }),
  );
});

test('recommendPolicies() closes its namespaces: what is allowed there was seen, or is a question for names', () => {
  fc.assert(
    fc.property(someObjects, someFlows, (objects, flows) => {
      const found = recommended(withOwnLabels(objects), flows);
      assert.ok(found);
      const { placed, it } = found;
      const others = placed.filter(
        ({ object }) => object.kind !== 'NetworkPolicy' && object.kind !== 'ClusterNetworkPolicy',
      );
      const world = worldWith(others, it.policies, SETTINGS);
      const judge = oracleJudge(world);
      const seen = new Set(
        found.asked.map(({ question: { from, to, protocol, port } }) =>
          [nameOfParty(from), nameOfParty(to), protocol, port].join(' '),
        ),
      );
      // Pods of a node's network are their node, whichever of them was seen.
      const pods = world.workloads.filter(({ pod }) => pod.spec.hostNetwork !== true);
      for (const from of pods)
        for (const to of pods)
          for (const at of [
            { protocol: 'TCP', port: parsePort(80) },
            { protocol: 'UDP', port: parsePort(53) },
          ] as const) {
            const ends = {
              from: { kind: 'workload', workload: from },
              to: { kind: 'workload', workload: to },
            } as const;
            const question = { ...ends, family: 4, ...at, via: undefined } as const;
            const { isAllowed, egress, ingress } = judge.judge(question);
            const isClosed = [egress.kind, ingress.kind].some(
              (kind) => kind === 'allowed' || kind === 'isolated',
            );
            if (!isAllowed || !isClosed || isNameQuestion(question)) continue;
            assert.ok(seen.has([nameOfWorkload(from), nameOfWorkload(to), at.protocol, at.port].join(' ')));
          }
    }),
  );
});
