import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someWorld } from '../../test/support/arbitrary-policies.ts';
import { hasBit } from './bits.ts';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { Party } from './party.ts';
import { oracleJudge } from './policy-judge.ts';
import { Reach } from './reach.ts';
import { reachEnds } from './reach-end.ts';

const ASKED = [
  { protocol: 'TCP', port: parsePort(80) },
  { protocol: 'TCP', port: parsePort(85) },
  { protocol: 'TCP', port: parsePort(9) },
  { protocol: 'UDP', port: parsePort(53) },
  { protocol: 'SCTP', port: parsePort(80) },
] as const;

for (const family of [4, 6] as const)
  test(`Reach is what the oracle says of every pair of ends, IPv${family}`, () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        const samples = (
          family === 4 ? ['203.0.113.1', '203.0.113.99', '198.51.100.1'] : ['2001:db8::1']
        ).map((text) => ({ name: text, ip: parseIp(text) }));
        const ends = reachEnds(world, family, samples);
        const reach = new Reach(world, ends);
        const parties: readonly Party[] = [
          ...world.workloads.map((workload) => ({ kind: 'workload', workload }) as const),
          ...samples.map(({ ip }) => ({ kind: 'address', ip }) as const),
        ];
        assert.equal(parties.length, ends.length);
        const judge = oracleJudge(world);
        for (const [i, from] of parties.entries())
          for (const [j, to] of parties.entries())
            for (const asked of ASKED) {
              const { isAllowed } = judge.judge({ from, to, family, ...asked, via: undefined });
              assert.equal(
                hasBit(reach.sources(j, asked), i),
                isAllowed,
                `${ends[i]?.name} ${ends[j]?.name} ${asked.port}`,
              );
            }
      }),
    );
  });
