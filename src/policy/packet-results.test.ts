import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { readAssertions, type Expectation } from './assertion-file.ts';
import { judgeAssertions, type AssertionResult } from './assertions.ts';
import { packetCountText, withPackets, type PacketAnswer, type PacketOutcome } from './packet-results.ts';
import { oracleJudge } from './policy-judge.ts';

const WORLD = policyWorldOf(aDeployment('default/a', '{}') + aDeployment('default/b', '{}'));

/** The policies say: allowed. */
function expecting(expect: Expectation): AssertionResult {
  const { assertions } = readAssertions(
    't.yaml',
    `tests: [ { from: a, to: b, port: 80, expect: ${expect} } ]`,
  );
  const [result] = judgeAssertions(WORLD, oracleJudge(WORLD), assertions);
  assert.ok(result);
  return result;
}

function tried(...verdicts: readonly PacketOutcome['verdict'][]): PacketAnswer {
  const outcomes = verdicts.map((verdict, i) => ({
    connection: `c${i}`,
    verdict,
    error: verdict === 'failed' ? 'no route' : undefined,
  }));
  return { kind: 'tried', outcomes };
}

const SAYS_ALLOW = 'expected deny, got allow: no policy says anything about it';

for (const row of [
  { name: 'both as expected', expect: 'allow', answer: tried('passed', 'passed'), failure: undefined },
  {
    name: 'packets that do not pass though the policies let them',
    expect: 'allow',
    answer: tried('passed', 'dropped'),
    failure: 'expected allow, which the policies say, too; packets: c1 dropped',
  },
  {
    name: 'packets that fail for another reason',
    expect: 'allow',
    answer: tried('failed'),
    failure: 'expected allow, which the policies say, too; packets: c0 failed (no route)',
  },
  {
    name: 'policies and packets that both let through what they must not',
    expect: 'deny',
    answer: tried('passed'),
    failure: `${SAYS_ALLOW}; packets: c0 passed`,
  },
  {
    name: 'packets that are dropped though the policies let them, as expected',
    expect: 'deny',
    answer: tried('dropped'),
    failure: `${SAYS_ALLOW}; packets: c0 dropped`,
  },
  {
    name: 'packets that nobody sent',
    expect: 'deny',
    answer: { kind: 'not-tried', why: 'so' },
    failure: SAYS_ALLOW,
  },
] as const)
  test(`withPackets() judges ${row.name}`, () => {
    assert.equal(withPackets(expecting(row.expect), row.answer).failure, row.failure);
  });

test('packetCountText() says what packets could not show, and why', () => {
  const results = [
    tried('passed'),
    { kind: 'not-tried', why: 'so' },
    { kind: 'not-tried', why: 'so' },
  ] as const;
  const all = results.map((it) => withPackets(expecting('allow'), it));
  assert.equal(packetCountText(all), '1 by packets, 2 by the policies alone (so)');
  assert.equal(packetCountText(all.slice(0, 1)), '1 by packets');
});
