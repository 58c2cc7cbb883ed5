// What every policy backend is held to, in the kernel, about SCTP: rules name its ports as those of TCP, answers belong to the association that they are of,
// and what connection tracking does not take for part of any is asked about as everything else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyContract } from './policy-contract.ts';
import { podNamed, POD_NAMES, type PodName, type Policies } from './policy-established-rows.ts';
import { buildEstablishedWorld, FAMILIES, partyOf, policiesOf } from './policy-established-world.ts';
import { arrives, CHUNKS, type Chunk, type SctpParty } from './policy-sctp-packets.ts';
import { openForSuite } from './policy-suite.ts';
import type { PolicyWorld } from './policy-world.ts';

const from = (...names: readonly PodName[]): object => ({ from: names.map(podNamed) });
const to = (...names: readonly PodName[]): object => ({ to: names.map(podNamed) });
const port = (number: number, protocol = 'SCTP', more: object = {}): object => ({
  ports: [{ protocol, port: number, ...more }],
});

interface SctpRow {
  readonly name: string;
  readonly policies: Policies;
  /** "from > to port" of associations that may begin; of those that are asked about. */
  readonly passes: readonly string[];
}

const ASKED = [
  'client > server 80',
  'client > server 81',
  'third > server 80',
  'far > server 80',
  'server > client 80',
  'client > far 80',
] as const;

const ROWS: readonly SctpRow[] = [
  { name: 'without policies', policies: {}, passes: ASKED },
  {
    name: 'a port of SCTP lets in that port of SCTP',
    policies: { p: { of: 'server', ingress: [{ ...from('client', 'far'), ...port(80) }] } },
    passes: ['client > server 80', 'far > server 80', 'server > client 80', 'client > far 80'],
  },
  {
    name: 'a port of TCP lets in none of SCTP, nor does one of UDP',
    policies: {
      p: { of: 'server', ingress: [{ ...from('client'), ...port(80, 'TCP') }] },
      q: { of: 'server', ingress: [{ ...from('far'), ...port(80, 'UDP') }] },
    },
    passes: ['server > client 80', 'client > far 80'],
  },
  {
    name: 'a rule without ports lets in all',
    policies: { p: { of: 'server', ingress: [from('client')] } },
    passes: ['client > server 80', 'client > server 81', 'server > client 80', 'client > far 80'],
  },
  {
    name: 'SCTP without a port lets in all of SCTP',
    policies: { p: { of: 'server', ingress: [{ ports: [{ protocol: 'SCTP' }] }] } },
    passes: ASKED,
  },
  {
    name: 'a range of ports ends where it ends',
    policies: {
      p: { of: 'server', ingress: [{ ...from('client', 'third'), ...port(79, 'SCTP', { endPort: 80 }) }] },
    },
    passes: ['client > server 80', 'third > server 80', 'server > client 80', 'client > far 80'],
  },
  {
    name: 'a port of SCTP lets out to that port',
    policies: { p: { of: 'client', egress: [{ ...to('server', 'far'), ...port(80) }] } },
    passes: [
      'client > server 80',
      'third > server 80',
      'far > server 80',
      'server > client 80',
      'client > far 80',
    ],
  },
  {
    name: 'both ends have to let it pass',
    policies: {
      p: { of: 'client', egress: [{ ...to('server'), ...port(80) }] },
      q: { of: 'server', ingress: [{ ...from('third'), ...port(80) }] },
    },
    passes: ['third > server 80', 'server > client 80'],
  },
];

/** Only the client may begin, and only with the server. */
const ONE_WAY: Policies = {
  p: { of: 'server', ingress: [{ ...from('client'), ...port(80) }], egress: [] },
  q: { of: 'client', egress: [{ ...to('server'), ...port(80) }], ingress: [] },
};
const NOBODY: Policies = { p: { of: 'server', ingress: [], egress: [] } };

interface PolicySctpContract extends PolicyContract {
  /** Why answers cannot be told from beginnings here, false where they can. */
  readonly untracked?: string | false;
}

export function policySctpContract({
  name,
  makePolicies,
  buildWorld,
  untracked = false,
}: PolicySctpContract): void {
  describe(`SCTP with policies by ${name}`, () => {
    const kept = openForSuite(`SCTP by ${name}`, makePolicies, (lifetime) =>
      buildEstablishedWorld(lifetime, buildWorld),
    );

    for (const { name: what, policies, passes } of ROWS)
      test(what, async () => {
        await kept().running.apply(policiesOf(policies));
        const passed: string[] = [];
        for (const asked of ASKED)
          for (const family of FAMILIES) {
            const [asks, answers, number] = ends(asked);
            const parties = [
              placeOf(kept().world, asks, family),
              placeOf(kept().world, answers, family),
            ] as const;
            if (await arrives(...parties, anInit(nextPort(), number), passes.includes(asked)))
              passed.push(`${asked} over IPv${family === 0 ? 4 : 6}`);
          }
        assert.deepEqual(
          passed,
          ASKED.filter((it) => passes.includes(it)).flatMap((it) => [`${it} over IPv4`, `${it} over IPv6`]),
        );
      });

    for (const family of FAMILIES) {
      const over = `over IPv${family === 0 ? 4 : 6}`;
      const both = (): readonly [SctpParty, SctpParty] => [
        placeOf(kept().world, 'client', family),
        placeOf(kept().world, 'server', family),
      ];

      test(
        `answers pass where their own direction is denied, beginnings do not ${over}`,
        { skip: untracked },
        async () => {
          await kept().running.apply(policiesOf(ONE_WAY));
          const [client, server] = both();
          const own = nextPort();
          assert.ok(await arrives(client, server, anInit(own, 80), true), 'what the client begins');
          assert.ok(await arrives(server, client, anAnswer(own), true), 'its answer');
          assert.ok(await arrives(client, server, aWord(own), true), 'what follows');
          assert.equal(
            await arrives(server, client, anInit(nextPort(), 80), false),
            false,
            'what the server begins',
          );
        },
      );

      test(`an association ends with the change that denies it ${over}`, { skip: untracked }, async () => {
        await kept().running.apply(policiesOf(ONE_WAY));
        const [client, server] = both();
        const own = nextPort();
        assert.ok(await arrives(client, server, anInit(own, 80), true));
        assert.ok(await arrives(server, client, anAnswer(own), true));
        await kept().running.apply(policiesOf(NOBODY));
        assert.equal(await arrives(server, client, { ...anAnswer(own), chunk: CHUNKS.data }, false), false);
        assert.equal(await arrives(client, server, aWord(own), false), false);
      });

      test(`what belongs to no association is asked about ${over}`, async () => {
        const [client, server] = both();
        const strays: readonly Chunk[] = [
          { ...aWord(nextPort()), tag: 7 },
          { ...anInit(nextPort(), 80), tag: 7 },
        ];
        await kept().running.apply(policiesOf(NOBODY));
        for (const stray of strays) assert.equal(await arrives(client, server, stray, false), false);
      });
    }
  });
}

let lastPort = 20_000;
/** No association is asked about twice. */
const nextPort = (): number => ++lastPort;
/** What each end has chosen. */
const [CLIENT_TAG, SERVER_TAG] = [0x1111, 0x2222];

function anInit(sourcePort: number, destinationPort: number): Chunk {
  return { chunk: CHUNKS.init, sourcePort, destinationPort, tag: 0, ownTag: CLIENT_TAG };
}

/** Of port 80, to who began from the port. */
function anAnswer(destinationPort: number): Chunk {
  return { chunk: CHUNKS.initAck, sourcePort: 80, destinationPort, tag: CLIENT_TAG, ownTag: SERVER_TAG };
}

function aWord(sourcePort: number): Chunk {
  return { chunk: CHUNKS.data, sourcePort, destinationPort: 80, tag: SERVER_TAG };
}

function ends(asked: (typeof ASKED)[number]): readonly [PodName, PodName, number] {
  const [asks, , answers, number] = asked.split(' ');
  // The rows are written so.
  return [asks as PodName, answers as PodName, Number(number)];
}

function placeOf(world: PolicyWorld, name: PodName, family: 0 | 1): SctpParty {
  const gatewaySeed = name === 'far' ? 'node' : `host/p${POD_NAMES.indexOf(name)}`;
  return { ...partyOf(world, name, family), gatewaySeed };
}
