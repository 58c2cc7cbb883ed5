// Services at rest: every endpoint is used, from wherever one asks, by name and number of its port; what is not there refuses at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';
import { fromEverywhere } from './places.ts';
import { ipOf } from './pod-network-rows.ts';
import type { Prober } from './prober-client.ts';
import type { Ask, Tally } from './prober-types.ts';

const COUNT = 160;
/** Chi-square of three degrees of freedom exceeds this once in a hundred million runs of a fair choice. */
const CHI_SQUARE_MAX = 40;
const AT_ONCE_MS = 500;
const AFFINITY_S = 2;

export function serviceRows(world: () => World): void {
  spreadRows(world);
  refusalRows(world);
  mirrorRows(world);
  affinityRows(world);
  readinessRows(world);
  apiServerRow(world);
}

function spreadRows(world: () => World): void {
  fromEverywhere(
    'a Service spreads connections and datagrams over all its endpoints',
    world,
    async (prober, family) => {
      const host = world().service('web')[family];
      const endpoints = world()
        .pods('app=web')
        .map((it) => it.name);
      for (const [kind, port, say] of [
        ['http', 80, '/hostname'],
        ['http', 8888, '/hostname'],
        ['udp', 81, 'hostname'],
      ] as const) {
        const tally = await prober.request('many', {
          ask: { kind, host, port, say },
          count: COUNT,
          atOnce: 8,
        });
        assertSpread(tally, endpoints);
      }
    },
  );

  fromEverywhere('the socket shows the Service as its peer', world, async (prober, family) => {
    const host = world().service('web')[family];
    for (const of of [
      { kind: 'http', port: 80, say: '/hostname' },
      { kind: 'udp', port: 81, say: 'hostname' },
      { kind: 'udp', port: 81, say: 'hostname', isConnected: true },
    ] as const) {
      const answer = await prober.ask({ ...of, host });
      assert.equal(answer.peer ?? answer.error, host, JSON.stringify(of));
    }
  });

  for (const family of FAMILIES) {
    test(`IPv${family}: endpoints see the client's own address behind a Service`, async () => {
      const { first, raw } = world();
      const host = world().service('web')[family];
      for (const prober of [first.prober, raw]) {
        const http = await prober.ask({ kind: 'http', host, port: 80, say: '/clientip' });
        const udp = await prober.ask({ kind: 'udp', host, port: 81, say: 'clientip' });
        assert.deepEqual(
          [ipOf(http.text), ipOf(udp.text)],
          [first.ips[family], first.ips[family]],
          prober.name,
        );
      }
    });
  }
}

function assertSpread(tally: Tally, endpoints: readonly string[]): void {
  assert.deepEqual(tally.errors, {});
  assert.deepEqual(Object.keys(tally.texts).sort(), [...endpoints].sort());
  const expected = COUNT / endpoints.length;
  const chiSquare = Object.values(tally.texts).reduce((sum, it) => sum + (it - expected) ** 2 / expected, 0);
  assert.ok(chiSquare < CHI_SQUARE_MAX, JSON.stringify(tally.texts));
}

function refusalRows(world: () => World): void {
  fromEverywhere(
    'no endpoint and no such port are refused at once, TCP and UDP',
    world,
    async (prober, family) => {
      const [nobody, web] = [world().service('nobody')[family], world().service('web')[family]];
      for (const [host, tcpPort, udpPort] of [
        [nobody, 80, 81],
        [web, 9999, 9999],
        [web, 81, 80],
      ] as const) {
        await assertRefused(prober, host, tcpPort, udpPort);
      }
    },
  );
}

async function assertRefused(prober: Prober, host: string, tcpPort: number, udpPort: number): Promise<void> {
  const answers = await Promise.all([
    prober.ask({ kind: 'http', host, port: tcpPort, say: '/' }),
    // The kernel tells an unconnected socket nothing of an ICMP error; connect() makes it hear.
    prober.ask({ kind: 'udp', host, port: udpPort, say: 'hostname', isConnected: true }),
  ]);
  for (const answer of answers) {
    assert.equal(answer.error, 'ECONNREFUSED', `${prober.name} to ${host}: ${JSON.stringify(answer)}`);
    assert.ok(answer.ms < AT_ONCE_MS, `${answer.ms} ms`);
  }
}

function mirrorRows(world: () => World): void {
  test('a pod reaches itself through its own Service, at the socket and per packet, TCP and UDP', async () => {
    const { first, raw, probes } = world();
    world().kubectl('-n', 'net', 'label', 'pod', first.name, 'mirror=yes', '--overwrite');
    for (const family of FAMILIES) {
      const host = world().service('mirror')[family];
      const http = { kind: 'http', host, port: 80, say: '/hostname' } as const;
      for (const { prober } of probes) await answersWith(prober, http, first.name);
      for (const prober of [first.prober, raw]) {
        for (const isConnected of [false, true]) {
          const udp = { kind: 'udp', host, port: 81, say: 'hostname', isConnected } as const;
          await answersWith(prober, udp, first.name);
        }
        await answersWith(prober, http, first.name);
      }
    }
  });
}

async function answersWith(
  prober: Prober,
  question: Parameters<Prober['ask']>[0],
  text: string,
): Promise<void> {
  await eventually(async () => {
    const answer = await prober.ask({ ...question, timeoutMs: 500 });
    assert.equal(answer.text ?? answer.error, text, `${prober.name}: ${JSON.stringify(question)}`);
  }, 3000);
}

function affinityRows(world: () => World): void {
  test('with session affinity a client keeps its endpoint while it comes back in time, and not beyond', async () => {
    const { probes, raw, onNodes } = world();
    const clients = [...probes.map((it) => it.prober), raw, ...onNodes].flatMap((prober) =>
      FAMILIES.map((family) => ({ prober, ask: stickyAsk(world(), family) })),
    );
    const endpoints = (): Promise<readonly string[]> =>
      Promise.all(
        clients.map(async ({ prober, ask }) =>
          onlyText(await prober.request('many', { ask, count: 12, atOnce: 4 })),
        ),
      );
    const before = await endpoints();
    // The first two, one client in both families, keep asking; the others rest beyond the time.
    const busy = clients.slice(0, 2);
    const loads = await Promise.all(
      busy.map(({ prober, ask }) => prober.request('load', { ask, everyMs: 200 })),
    );
    await sleep((AFFINITY_S + 0.5) * 1000);
    const meanwhile = await Promise.all(busy.map(({ prober }, i) => prober.request('stop', loads[i] ?? 0)));
    assert.deepEqual(meanwhile.map(onlyText), before.slice(0, 2));
    const after = await endpoints();
    assert.deepEqual(after.slice(0, 2), before.slice(0, 2));
    // Twelve choose anew among four: that all find their old one again happens once in sixteen million runs.
    assert.notDeepEqual(after, before);
  });
}

function stickyAsk(world: World, family: Family): Ask {
  return { kind: 'http', host: world.service('sticky')[family], port: 80, say: '/hostname' };
}

function onlyText(tally: Tally): string {
  assert.deepEqual(tally.errors, {});
  const texts = Object.keys(tally.texts);
  assert.equal(texts.length, 1, JSON.stringify(tally.texts));
  return texts[0] ?? '';
}

function readinessRows(world: () => World): void {
  fromEverywhere(
    'an endpoint that is not ready is used only where the Service wants it',
    world,
    async (prober, family) => {
      const early = await prober.ask({
        kind: 'http',
        host: world().service('early')[family],
        port: 80,
        say: '/hostname',
      });
      assert.equal(early.text ?? early.error, 'early');
      const late = await prober.ask({
        kind: 'http',
        host: world().service('late')[family],
        port: 80,
        say: '/hostname',
      });
      assert.equal(late.error, 'ECONNREFUSED');
    },
  );
}

function apiServerRow(world: () => World): void {
  test('the Service "kubernetes" leads a pod to the API server, which knows it by its token', async () => {
    const { first, raw } = world();
    const script = (header: string): string =>
      `curl -sS --max-time 5 -w ' %{http_code}' --cacert /access/ca.crt ${header} https://kubernetes.default.svc/api`;
    const known = await first.prober.run(
      'sh',
      '-c',
      script('-H "Authorization: Bearer $(cat /access/token)"'),
    );
    assert.match(known, /"APIVersions".* 200$/s);
    assert.match(await first.prober.run('sh', '-c', script('')), / 401$/);
    // Per packet: what is not HTTP gets an answer of the server all the same.
    const plain = await raw.ask({ kind: 'http', host: '10.96.0.1', port: 443, say: '/' });
    assert.notEqual(plain.error, 'timeout');
    assert.notEqual(plain.error, 'ECONNREFUSED');
  });
}
