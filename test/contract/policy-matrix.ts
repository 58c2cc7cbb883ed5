// A full node: thirty pods, six ports, every pair of them by TCP and UDP in both families, and changes between the matrices, held to the oracle.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp, type Family, type Ip } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import { judge } from '../../src/oracle/policy.ts';
import { NODES, someFullNode, type RawPolicyState } from '../states/arbitrary-policies.ts';
import { assertNoLeaks, takeSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { POLICY_CLUSTER, rawPolicyObjects, slimPolicyObjects } from '../support/policy-state.ts';
import type { RunningPolicies } from './policy-backends.ts';
import type { PolicyContract } from './policy-contract.ts';
import { cellOf, partiesOf, probeMatrix, type MatrixProtocol } from './policy-matrix-prober.ts';
import { serveEverywhere } from './policy-prober.ts';
import { buildPolicyWorld, type PolicyWorld } from './policy-world.ts';

const PODS = 30;
/** The edges of the ranges that policies name, what they name, and what they do not. */
const PORTS = [53, 79, 80, 443, 444, 8080];
const CHANGES = 3;
/** The same states for all. */
const SEED = Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000);
const FAMILIES = [4, 6] as const;
const PROTOCOLS: readonly MatrixProtocol[] = ['TCP', 'UDP'];

/** Where the generator puts pod number `at`. */
function podIps(at: number): readonly [Ip, Ip] {
  return [parseIp(`10.244.0.${at + 1}`), parseIp(`fd00:244::${at + 1}`)];
}

/** Takes some of what decides from another state: a few pods are others by their labels, some policies come, go, or say something else. */
const someChange = fc.record({
  with: someFullNode(PODS),
  pods: fc.subarray(
    Array.from({ length: PODS }, (_, at) => at),
    { maxLength: 5 },
  ),
  policies: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 4 }),
  takesNamespaces: fc.boolean(),
  takesClusterPolicies: fc.boolean(),
});
type Change = typeof someChange extends fc.Arbitrary<infer T> ? T : never;

function changed(state: RawPolicyState, change: Change): RawPolicyState {
  const { with: other, pods, policies, takesNamespaces, takesClusterPolicies } = change;
  const named = new Map(state.networkPolicies.map((it) => [it.metadata.name, it]));
  for (const at of policies) {
    const policy = other.networkPolicies[at];
    if (policy === undefined) named.delete(`p${at}`);
    else named.set(`p${at}`, policy);
  }
  return {
    ...state,
    namespaces: takesNamespaces ? other.namespaces : state.namespaces,
    pods: state.pods.map((pod, at) => (pods.includes(at) ? (other.pods[at] ?? pod) : pod)),
    networkPolicies: [...named.values()],
    clusterNetworkPolicies: takesClusterPolicies
      ? other.clusterNetworkPolicies
      : state.clusterNetworkPolicies,
  };
}

/** States after each other. */
const someHistory = fc
  .tuple(someFullNode(PODS), fc.array(someChange, { minLength: CHANGES, maxLength: CHANGES }))
  .map(([first, changes]) => {
    const states = [first];
    for (const change of changes) states.push(changed(states.at(-1) ?? first, change));
    return states;
  });

/** The cells that the oracle lets through. */
function expectedCells(state: RawPolicyState, protocol: MatrixProtocol, family: Family): ReadonlySet<string> {
  const objects = rawPolicyObjects(state);
  const ends = state.pods.map(({ metadata: { namespace = '', name } }) => {
    return { kind: 'pod', namespace, name } as const;
  });
  const cells = new Set<string>();
  for (const [at, from] of ends.entries())
    for (const [to, end] of ends.entries())
      for (const port of PORTS)
        if (judge(objects, { from, to: end, family, protocol, port }).isAllowed)
          cells.add(cellOf(at, to, port));
  return cells;
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  return [...a.difference(b)].map((cell) => `pod > pod port ${cell}`);
}

export function policyMatrixContract({
  name,
  makePolicies,
  buildWorld = buildPolicyWorld,
}: PolicyContract): void {
  describe(`matrices of ${PODS} pods by ${name}`, () => {
    const lifetime = new Lifetime(`matrices by ${name}`);
    const prefix = ownName('pol');
    let machine: Awaited<ReturnType<typeof takeSnapshot>>;
    let world: PolicyWorld;
    let running: RunningPolicies;

    before(async () => {
      machine = await takeSnapshot({ prefix });
      const pods = new Map(Array.from({ length: PODS }, (_, at) => [podIps(at)[0], podIps(at)]));
      world = await buildWorld(
        { pods, nodeIps: [parseIp('192.0.2.1'), parseIp('2001:db8::1')], far: [] },
        lifetime,
      );
      const parties = FAMILIES.flatMap((family) => partiesOf(world.pods.values(), family));
      await serveEverywhere(parties, { TCP: PORTS, UDP: PORTS }, lifetime);
      running = await makePolicies(world, lifetime);
    });
    after(async () => {
      await lifetime.close();
      await assertNoLeaks(machine, { prefix });
    });

    const compiler = new PolicyCompiler({ nodeName: NODES[0], cluster: POLICY_CLUSTER });
    for (const [at, state] of (fc.sample(someHistory, { seed: SEED, numRuns: 1 })[0] ?? []).entries())
      test(`${at === 0 ? 'the first state' : `change ${at}`} of seed ${SEED}`, async (t) => {
        await running.apply(compiler.compile(slimPolicyObjects(state)));
        for (const family of FAMILIES) {
          const plan = { parties: partiesOf(world.pods.values(), family), ports: PORTS };
          for (const protocol of PROTOCOLS) {
            const expected = expectedCells(state, protocol, family);
            const startedMs = performance.now();
            const seen = await probeMatrix(protocol, plan, expected);
            const tookMs = Math.round(performance.now() - startedMs);
            t.diagnostic(
              `${protocol}${family}: ${seen.size} of ${PODS * PODS * PORTS.length} pass, ${tookMs} ms`,
            );
            const opened = difference(seen, expected);
            const closed = difference(expected, seen);
            assert.deepEqual({ opened, closed }, { opened: [], closed: [] }, `${protocol} over IPv${family}`);
          }
        }
      });
  });
}
