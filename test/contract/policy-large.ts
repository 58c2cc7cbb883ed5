// What every policy backend is held to, in the kernel, about a policy that is very large: it is in force as a small one is, and so is the change of one line of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyContract } from './policy-contract.ts';
import { POD_NAMES, type Policies, type PodName } from './policy-established-rows.ts';
import { buildEstablishedWorld, FAMILIES, partyOf, policiesOf } from './policy-established-world.ts';
import { probeAll, serveEverywhere, type Probe } from './policy-prober.ts';
import { openForSuite } from './policy-suite.ts';
import type { PolicyWorld } from './policy-world.ts';

const PEERS = 10_000;
const PROTOCOLS = ['TCP', 'UDP'] as const;

/** Blocks of both families that hold nobody; every tenth has a hole. */
const NOBODYS = Array.from({ length: PEERS - 2 }, (_, at) => {
  const [high, low] = [at >> 8, at & 255];
  if (at % 2 === 1) return block(`2001:db8:${at.toString(16)}::/48`);
  const cidr = `100.${64 + high}.${low}.0/24`;
  return at % 10 === 0 ? block(cidr, `100.${64 + high}.${low}.128/25`) : block(cidr);
});

function block(cidr: string, ...except: readonly string[]): object {
  return { ipBlock: { cidr, ...(except.length > 0 && { except }) } };
}

/** The server lets in the blocks of nobody, and one more of each family that `more` are. */
function largePolicy(more: readonly string[]): Policies {
  return { p: { of: 'server', ingress: [{ from: [...NOBODYS, ...more.map((it) => block(it))] }] } };
}

const FAR = ['10.244.1.4/32', 'fd00:244:0:1::4/128'];
const ELSEWHERE = ['10.244.1.5/32', 'fd00:244:0:1::5/128'];

export function policyLargeContract({ name, makePolicies, buildWorld }: PolicyContract): void {
  describe(`a policy with ${PEERS} blocks, by ${name}`, () => {
    const kept = openForSuite(`large policies by ${name}`, makePolicies, async (lifetime) => {
      const world = await buildEstablishedWorld(lifetime, buildWorld);
      const all = POD_NAMES.flatMap((it) => FAMILIES.map((family) => partyOf(world, it, family)));
      await serveEverywhere(all, { TCP: [80], UDP: [80] }, lifetime);
      return world;
    });

    for (const [what, more, expected] of [
      ['it lets in whom one of its blocks holds, and nobody else', FAR, ['far']],
      ['one block less closes for whom it held', ELSEWHERE, []],
      ['and opens again', FAR, ['far']],
    ] as const)
      test(what, async (t) => {
        const startedMs = performance.now();
        await kept().running.apply(policiesOf(largePolicy(more)));
        t.diagnostic(`in force after ${Math.round(performance.now() - startedMs)} ms`);
        assert.deepEqual(await whoReaches(kept().world, expected), expected);
      });
  });
}

/** Those that reach the server in every way. */
async function whoReaches(world: PolicyWorld, expected: readonly PodName[]): Promise<readonly PodName[]> {
  const reaching: PodName[] = [];
  for (const who of POD_NAMES.filter((it) => it !== 'server')) {
    const probes = FAMILIES.flatMap((family) =>
      PROTOCOLS.map((protocol): Probe => ({
        from: partyOf(world, who, family),
        to: partyOf(world, 'server', family),
        protocol,
        port: 80,
        isExpected: expected.includes(who),
      })),
    );
    const answers = await probeAll(probes);
    assert.equal(new Set(answers).size, 1, `${who}: ${answers.join()}`);
    if (answers.includes(true)) reaching.push(who);
  }
  return reaching;
}
