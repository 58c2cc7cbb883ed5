// Which denied packets a backend tells of, as `fairlead policy denied` is fed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PROTOCOL_NUMBERS } from '../../src/base/port.ts';
import type { DeniedPacket } from '../../src/backends/shared-policy/denied-packet.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningPolicies } from './policy-backends.ts';
import type { PolicyContract } from './policy-contract.ts';
import { podNamed, type Policies, type PodName } from './policy-established-rows.ts';
import { buildEstablishedWorld, FAMILIES, partyOf, policiesOf } from './policy-established-world.ts';
import { probeAll, serveEverywhere } from './policy-prober.ts';
import type { PolicyWorld } from './policy-world.ts';

const OPEN = 8080;
const CLOSED = 8081;

interface DeniedRow {
  readonly name: string;
  readonly from: PodName;
  readonly to: PodName;
  readonly policies: Policies;
  readonly direction: DeniedPacket['direction'];
}

const openPort = { ports: ['TCP', 'UDP'].map((protocol) => ({ protocol, port: OPEN })) };

const ROWS: readonly DeniedRow[] = [
  {
    name: 'what does not come in to a pod',
    from: 'client',
    to: 'server',
    policies: { p: { of: 'server', ingress: [openPort] } },
    direction: 'ingress',
  },
  {
    name: 'what does not come in from another node',
    from: 'far',
    to: 'server',
    policies: { p: { of: 'server', ingress: [{ from: [podNamed('far')], ...openPort }] } },
    direction: 'ingress',
  },
  {
    name: 'what a pod does not send to another one',
    from: 'client',
    to: 'server',
    policies: { p: { of: 'client', egress: [openPort] } },
    direction: 'egress',
  },
  {
    name: 'what a pod does not send away from the node',
    from: 'client',
    to: 'far',
    policies: { p: { of: 'client', egress: [openPort] } },
    direction: 'egress',
  },
];

export function policyDeniedContract({ name, makePolicies }: PolicyContract): void {
  describe(`denied packets by ${name}`, () => {
    const lifetime = new Lifetime(`denied packets by ${name}`);
    const told: DeniedPacket[] = [];
    let world: PolicyWorld;
    let running: RunningPolicies;

    before(async () => {
      world = await buildEstablishedWorld(lifetime);
      const parties = (['server', 'far'] as const).flatMap((pod) =>
        FAMILIES.map((family) => partyOf(world, pod, family)),
      );
      await serveEverywhere(parties, { TCP: [OPEN, CLOSED], UDP: [OPEN, CLOSED] }, lifetime);
      running = await makePolicies(world, lifetime);
      await running.apply(policiesOf({}));
      running.watchDenied((packet) => told.push(packet));
    });
    after(() => lifetime.close());

    for (const { name: what, from, to, policies, direction } of ROWS)
      for (const protocol of ['TCP', 'UDP'] as const)
        for (const family of FAMILIES)
          test(`${protocol}, IPv${family === 0 ? 4 : 6}: ${what} is told, and nothing else`, async () => {
            await running.apply(policiesOf(policies));
            const ends = { from: partyOf(world, from, family), to: partyOf(world, to, family), protocol };
            told.length = 0;
            const answered = await probeAll([
              { ...ends, port: OPEN, isExpected: true },
              { ...ends, port: CLOSED, isExpected: false },
            ]);
            assert.deepEqual(answered, [true, false]);
            await eventually(() => assert.ok(told.length > 0));
            const expected = {
              direction,
              source: ends.from.ip,
              destination: ends.to.ip,
              protocol: PROTOCOL_NUMBERS[protocol],
              port: CLOSED,
            };
            for (const packet of told) assert.deepEqual(packet, expected);
          });
  });
}
