import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someSelector, someWorld } from '../../test/support/arbitrary-policies.ts';
import { parseIp } from '../base/ip.ts';
import { isPort } from '../base/port.ts';
import { selects } from '../oracle/policy-selector.ts';
import { nearMisses, type Direction } from './near-miss.ts';
import type { Party } from './party.ts';
import { oracleJudge } from './policy-judge.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';
import { unmetRequirements } from './unmet-requirement.ts';

test('unmetRequirements() is empty exactly where the selector selects', () => {
  const labels = fc.dictionary(fc.constantFrom('app', 'tier', 'toString'), fc.constantFrom('x', 'y'));
  fc.assert(
    fc.property(someSelector, labels, (selector, own) => {
      assert.equal(unmetRequirements(selector, own).length === 0, selects(selector, own));
    }),
  );
});

test('nearMisses() finds something missing in every rule that does not match, and nothing in one that does', () => {
  fc.assert(
    fc.property(someWorld, fc.nat(), fc.nat(), (world, a, b) => {
      const question = questionOf(world, a, b);
      const { egress, ingress } = oracleJudge(world).judge(question);
      for (const [direction, side] of [
        ['egress', egress],
        ['ingress', ingress],
      ] as const) {
        if (side.kind === 'isolated')
          for (const { needs } of missesOf(world, question, direction)) assert.ok(needs.length > 0);
        if (side.kind === 'allowed' && side.rule.kind === 'NetworkPolicy') {
          const { name, index } = side.rule;
          const all = missesOf(world, question, direction, name);
          assert.deepEqual(all.find((it) => it.index === index)?.needs, []);
        }
      }
    }),
  );
});

function questionOf({ workloads }: PolicyWorld, a: number, b: number): Question {
  const parties: readonly Party[] = [
    ...workloads.map((workload) => ({ kind: 'workload', workload }) as const),
    { kind: 'address', ip: parseIp('203.0.113.7') },
  ];
  const [from, to] = [parties[a % parties.length], parties[b % parties.length]];
  const port = [80, 53, 85][a % 3];
  assert.ok(from !== undefined && to !== undefined && isPort(port));
  return { from, to, family: 4, protocol: port === 53 ? 'UDP' : 'TCP', port, via: undefined };
}

/** Of the policies that isolate the side's pod, or of the one that is named. */
function missesOf(world: PolicyWorld, question: Question, direction: Direction, name?: string) {
  const { egress, ingress } = oracleJudge(world).judge(question);
  const side = direction === 'egress' ? egress : ingress;
  const isolating = side.kind === 'isolated' ? side.policies.map((it) => it.name) : [name];
  const policies = world.objects.networkPolicies.filter((it) => isolating.includes(it.metadata.name));
  return nearMisses(world, question, { direction, policies });
}
