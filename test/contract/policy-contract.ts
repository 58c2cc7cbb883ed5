// What every policy backend is held to, in the kernel: the oracle's verdict on every connection of random clusters.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import { judge, type PolicySide, type PolicyVerdict } from '../../src/oracle/policy.ts';
import { assertNoLeaks, takeSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import {
  connectionsOf,
  OUTSIDE,
  POLICY_CLUSTER,
  rawPolicyObjects,
  slimPolicyObjects,
  type Connection,
  type Place,
} from '../support/policy-state.ts';
import { NODES, somePolicyState, type RawPolicyState } from '../states/arbitrary-policies.ts';
import type { MakePolicies, RunningPolicies } from './policy-backends.ts';
import { probeAll, serveEverywhere, type Party, type Probe } from './policy-prober.ts';
import {
  buildPolicyWorld,
  type BuildPolicyWorld,
  type PolicyWorld,
  type PolicyWorldPlan,
} from './policy-world.ts';

export interface PolicyContract {
  readonly name: string;
  readonly makePolicies: MakePolicies;
  /** By default pods whose links are made as the product makes them. */
  readonly buildWorld?: BuildPolicyWorld;
}

const [NODE, OTHER] = NODES;
const SLOTS = 7;
const STATES = 30;
const PORTS = { TCP: [80, 443, 8080], UDP: [53, 80] };

/** Where the generator puts pod number `at` of a node. */
function podIps(node: number, at: number): readonly [Ip, Ip] {
  return [parseIp(`10.244.${node}.${at + 1}`), parseIp(`fd00:244:0:${node}::${at + 1}`)];
}

function nodeIps(node: number): readonly Ip[] {
  return [parseIp(`192.0.2.${node + 1}`), parseIp(`2001:db8::${node + 1}`)];
}

/** Random clusters one after the other on one node: what stood before must not show. */
export function policyRandomContract({
  name,
  makePolicies,
  buildWorld = buildPolicyWorld,
}: PolicyContract): void {
  describe(`random policies by ${name}`, () => {
    const lifetime = new Lifetime(`random policies by ${name}`);
    const prefix = ownName('pol');
    let machine: Awaited<ReturnType<typeof takeSnapshot>>;
    let world: PolicyWorld;
    let running: RunningPolicies;

    before(async () => {
      machine = await takeSnapshot({ prefix });
      const slots = Array.from({ length: SLOTS }, (_, at) => at);
      const plan = {
        pods: new Map(slots.map((at) => [podIps(0, at)[0], podIps(0, at)])),
        nodeIps: nodeIps(0),
        far: [...slots.flatMap((at) => podIps(1, at)), ...nodeIps(1), ...OUTSIDE],
      };
      world = await buildWorld(plan, lifetime);
      await serveEverywhere(partiesOf(world, plan), PORTS, lifetime);
      running = await makePolicies(world, lifetime);
    });
    after(async () => {
      await lifetime.close();
      await assertNoLeaks(machine, { prefix });
    });

    const seed = Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000);
    const states = fc.sample(somePolicyState, { seed, numRuns: STATES });
    for (const [at, state] of states.entries())
      test(`state ${at} of seed ${seed}`, async () => {
        const objects = slimPolicyObjects(state);
        const compiler = new PolicyCompiler({ nodeName: NODE, cluster: POLICY_CLUSTER });
        await running.apply(compiler.compile(objects));
        const asked = [...connectionsOf(objects)].flatMap((it) => probeOf(world, state, it));
        const answers = await probeAll(asked.map((it) => it.probe));
        const wrong = asked.filter(({ probe }, i) => probe.isExpected !== answers[i]);
        assert.deepEqual(wrong.map(told), [], `of ${asked.length} connections`);
      });
  });
}

function partiesOf(world: PolicyWorld, { nodeIps: own, far }: PolicyWorldPlan): readonly Party[] {
  return [
    ...[...world.pods.values()].flatMap(({ netns, ips }) => ips.map((ip) => ({ netns, ip }))),
    ...own.map((ip) => ({ netns: world.nodeNetns, ip })),
    ...far.map((ip) => ({ netns: world.farNetns, ip })),
  ];
}

interface AskedProbe {
  readonly probe: Probe;
  readonly connection: Connection;
  readonly verdict: PolicyVerdict;
}

function told({ probe, connection, verdict }: AskedProbe): object {
  const { from, to, protocol, port, family } = connection;
  const passed = probe.isExpected ? 'was not made' : 'passed';
  return { passed, from: from.end, to: to.end, family, protocol, port, ...verdict };
}

/** A connection as this node is asked about it; none where it has no part in it. */
function probeOf(world: PolicyWorld, state: RawPolicyState, connection: Connection): readonly AskedProbe[] {
  const { from, to, family, protocol, port } = connection;
  const isOwn = ({ pod, node }: Place): boolean => pod !== undefined && node === NODE;
  if (protocol === 'SCTP' || !(isOwn(from) || isOwn(to))) return [];
  const verdict = judge(rawPolicyObjects(state), {
    from: from.end,
    to: to.end,
    family,
    protocol,
    port,
  });
  const isExpected = (!isOwn(from) || lets(verdict.egress)) && (!isOwn(to) || lets(verdict.ingress));
  const probe = {
    from: partyOf(world, from, family),
    to: partyOf(world, to, family),
    protocol,
    port,
    isExpected,
  };
  return [{ probe, connection, verdict }];
}

function lets({ kind }: PolicySide): boolean {
  return kind !== 'denied' && kind !== 'isolated';
}

function partyOf(world: PolicyWorld, { node, ips, pod }: Place, family: 4 | 6): Party {
  const ip = ips.find((it) => familyOf(it) === family);
  assert.ok(ip);
  if (node === undefined || node === OTHER) return { netns: world.farNetns, ip };
  const own = pod === undefined ? undefined : world.pods.get(ips[0] ?? '');
  return { netns: own?.netns ?? world.nodeNetns, ip };
}
