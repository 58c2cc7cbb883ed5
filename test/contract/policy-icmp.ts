// What every policy backend is held to, in the kernel, about ICMP: echo has no ports, and an error belongs to the connection that it is about.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { bindUdp } from '../../src/sys/socket.ts';
import { quietMs } from '../support/time-scale.ts';
import type { PolicyContract } from './policy-contract.ts';
import { podNamed, type PodName, type Policies } from './policy-established-rows.ts';
import { buildEstablishedWorld, FAMILIES, partyOf, policiesOf } from './policy-established-world.ts';
import { holdConnection } from './policy-held.ts';
import { adoptUdp, type Party } from './policy-prober.ts';
import { openForSuite } from './policy-suite.ts';
import type { PolicyWorld } from './policy-world.ts';

const CLOSED_PORT = 9;
/** Of the path, in bytes; the pods' own links take more. */
const NARROW_MTU = 1300;
const WIDE_MTU = 1500;
const PATIENCE_MS = 1_000;

const from = (...names: readonly PodName[]): object => ({ from: names.map(podNamed) });
const to = (...names: readonly PodName[]): object => ({ to: names.map(podNamed) });
const ports = { ports: ['TCP', 'UDP'].map((protocol) => ({ protocol, port: 1, endPort: 65535 })) };

/** Nothing is open but what the client begins to `peer`: what tells it of errors has no rule of its own. */
function oneWay(peer: PodName): Policies {
  return {
    p: { of: 'server', ingress: [{ ...from('client', 'far'), ...ports }], egress: [] },
    q: { of: 'client', egress: [{ ...to(peer), ...ports }], ingress: [] },
  };
}

interface EchoRow {
  readonly name: string;
  readonly policies: Policies;
  /** "from > to": those that are answered. */
  readonly passes: readonly string[];
}

const ECHOES = ['client > server', 'far > server', 'client > far', 'server > client', 'third > server'];

const ECHO_ROWS: readonly EchoRow[] = [
  { name: 'without policies', policies: {}, passes: ECHOES },
  {
    name: 'let in by a rule without ports, answered whatever may go out',
    policies: { p: { of: 'server', ingress: [from('client', 'far')], egress: [] } },
    passes: ['client > server', 'far > server', 'client > far'],
  },
  {
    name: 'not let in by a rule with ports',
    policies: { p: { of: 'server', ingress: [{ ...from('client', 'far'), ...ports }] } },
    passes: ['client > far', 'server > client'],
  },
  {
    name: 'let out by a rule without ports, answered whatever may come in',
    policies: { p: { of: 'client', egress: [to('server', 'far')], ingress: [] } },
    passes: ['client > server', 'far > server', 'client > far', 'third > server'],
  },
  {
    name: 'not let out by a rule with ports',
    policies: { p: { of: 'client', egress: [{ ...to('server', 'far'), ...ports }] } },
    passes: ['far > server', 'server > client', 'third > server'],
  },
];

export function policyIcmpContract({ name, makePolicies, buildWorld }: PolicyContract): void {
  describe(`ICMP with policies by ${name}`, () => {
    const kept = openForSuite(`ICMP by ${name}`, makePolicies, (lifetime) =>
      buildEstablishedWorld(lifetime, buildWorld),
    );

    for (const row of ECHO_ROWS)
      test(`echo: ${row.name}`, async () => {
        await kept().running.apply(policiesOf(row.policies));
        const answered = await Promise.all(ECHOES.map((it) => isAnswered(kept().world, it)));
        assert.deepEqual(
          ECHOES.flatMap((it, at) => (answered[at]?.includes(true) ? [`${it}: ${answered[at].join()}`] : [])),
          row.passes.map((it) => `${it}: true,true`),
        );
      });

    for (const peer of ['server', 'far'] as const)
      test(`a closed port of ${peer} is told where the question may go, and says nothing where it may not`, async () => {
        const ask = (): Promise<readonly string[]> =>
          Promise.all(
            FAMILIES.map((it) =>
              askClosed(partyOf(kept().world, 'client', it), partyOf(kept().world, peer, it)),
            ),
          );
        await kept().running.apply(policiesOf(oneWay(peer)));
        assert.deepEqual(await ask(), ['ECONNREFUSED', 'ECONNREFUSED']);
        await kept().running.apply(policiesOf(oneWay('third')));
        assert.deepEqual(await ask(), ['silence', 'silence']);
      });

    test('a path that is smaller further on is learned in both directions', async () => {
      await kept().running.apply(policiesOf(oneWay('server')));
      const links = ['client', 'server'].map((it) => kept().world.pods.get(it)?.link ?? '');
      for (const link of links) setMtu(kept().world, link, NARROW_MTU);
      for (const family of FAMILIES) {
        const ends = {
          from: partyOf(kept().world, 'client', family),
          to: partyOf(kept().world, 'server', family),
        };
        const long = 'x'.repeat(4_000);
        const stream = await holdConnection('TCP', ends, kept().lifetime);
        assert.ok(await stream.ask(true, long), `${stream.name}: asks`);
        assert.ok(await stream.answer(true, long), `${stream.name}: answers`);
      }
      // What a link does not take, it does not let in either.
      for (const link of links) setMtu(kept().world, link, WIDE_MTU);
    });

    test('datagrams that the path does not take go in pieces', async () => {
      await kept().running.apply(policiesOf(oneWay('far')));
      setMtu(kept().world, 'eth0', NARROW_MTU);
      for (const family of FAMILIES) {
        const ends = {
          from: partyOf(kept().world, 'client', family),
          to: partyOf(kept().world, 'far', family),
        };
        const datagrams = await holdConnection('UDP', ends, kept().lifetime);
        const long = 'x'.repeat(1_400);
        // The first is lost, and tells.
        await datagrams.ask(false, long);
        assert.ok(await datagrams.ask(true, long), datagrams.name);
      }
    });
  });
}

/** By family. */
async function isAnswered(world: PolicyWorld, ends: string): Promise<readonly boolean[]> {
  const [asks, answers] = ends.split(' > ') as [PodName, PodName];
  return Promise.all(FAMILIES.map((it) => ping(partyOf(world, asks, it), partyOf(world, answers, it))));
}

async function ping(asks: Party, { ip }: Party): Promise<boolean> {
  const echo = ['ping', '-c', '1', '-W', '1', '-I', asks.ip, ip];
  try {
    await promisify(execFile)('nsenter', [`--net=${asks.netns}`, ...echo]);
    return true;
  } catch {
    return false;
  }
}

async function askClosed(asks: Party, { ip }: Party): Promise<string> {
  const socket = await adoptUdp(bindUdp(asks.netns, { ip: asks.ip, port: 0 }), asks.ip);
  const { promise, resolve } = Promise.withResolvers<string>();
  const onError = (error: Error | null): void => {
    if (error !== null) resolve('code' in error ? String(error.code) : error.message);
  };
  socket.on('error', onError);
  await new Promise<void>((connected) => socket.connect(CLOSED_PORT, ip, connected));
  const timer = setInterval(() => socket.send('x', onError), 50);
  const silence = setTimeout(() => resolve('silence'), quietMs(PATIENCE_MS));
  socket.send('x', onError);
  return promise.finally(() => {
    clearInterval(timer);
    clearTimeout(silence);
    socket.close();
  });
}

function setMtu({ nodeNetns }: PolicyWorld, link: string, mtuBytes: number): void {
  execFileSync('nsenter', [`--net=${nodeNetns}`, 'ip', 'link', 'set', link, 'mtu', String(mtuBytes)]);
}
