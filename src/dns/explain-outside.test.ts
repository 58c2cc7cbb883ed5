// Who answered a name of others, and what an operator's lines made of a question: in words, with real upstreams.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { pino } from 'pino';
import { startUpstream, type TestUpstream } from '../../test/support/dns-upstream.ts';
import { systemClock } from '../base/clock.ts';
import { makeAnswering } from './answering.ts';
import { ClientTallies } from './client-tallies.ts';
import { parseDnsConfig, type DnsConfigFile } from './config.ts';
import { systemRandom } from './random.ts';
import { SearchLists } from './search-lists.ts';
import { ZoneState } from './zone-state.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const it of open.splice(0)) it.close();
});

async function anUpstream(...[options]: Parameters<typeof startUpstream>): Promise<TestUpstream> {
  const upstream = await startUpstream(options);
  open.push(upstream);
  return upstream;
}

/** Explains names with a clock that `later` puts forward; times of exchanges are left out of the words. */
function anExplainer(parts: Partial<DnsConfigFile>) {
  const end = new AbortController();
  open.push({ close: () => end.abort() });
  let passedMs = 0;
  const files = { listen: ['127.0.0.1'], zoneFile: '/z', feedSocket: '/f', clusterDomain: 'cluster.local' };
  const searchLists = new SearchLists();
  const answering = makeAnswering(
    parseDnsConfig({ ...files, tryTimeoutMs: 100, totalTimeoutMs: 1000, ...parts }),
    {
      zone: new ZoneState(),
      searchLists,
      tallies: new ClientTallies(searchLists),
      metrics: undefined,
      gate: undefined,
      log: pino({ level: 'silent' }),
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs },
      random: systemRandom(),
      signal: end.signal,
    },
    end.signal,
  );
  const wordsOf = async (name: string, type = 'A'): Promise<readonly string[]> => {
    const { steps } = await answering.explain({ name, type, client: '127.0.0.1', isSearched: false });
    return steps.map((it) => `${it.by}: ${it.name}: ${it.says}`.replaceAll(/[\d.]+ ms/g, '# ms'));
  };
  return { wordsOf, later: (ms: number) => (passedMs += ms), answering };
}

test('explain() names the upstream and its zone, and then the cache with the age of what it has', async () => {
  const [world, corp] = [
    await anUpstream({ answer: '192.0.2.1' }),
    await anUpstream({ answer: '192.0.2.2' }),
  ];
  const { wordsOf, later } = anExplainer({
    forward: [
      { zone: '.', upstreams: [world.address] },
      { zone: 'corp.example', upstreams: [corp.address], forceTcp: true },
    ],
  });
  assert.deepEqual(await wordsOf('wiki.corp.example'), [
    `upstream: wiki.corp.example: NOERROR from ${corp.address} by tcp in # ms, of zone "corp.example"`,
  ]);
  assert.deepEqual(await wordsOf('example.org'), [
    `upstream: example.org: NOERROR from ${world.address} by udp in # ms, of zone "."`,
  ]);
  later(12_000);
  assert.deepEqual(await wordsOf('example.org'), [
    'cache: example.org: NOERROR, 12 seconds old, kept for 48 more',
  ]);
});

test('explain() names who was asked in vain before, and that nobody answered', async () => {
  const silent = await anUpstream({ answer: '192.0.2.1', isSilent: () => true });
  const cutting = await anUpstream({ answer: '192.0.2.2', truncates: true });
  const upstreams = [silent.address, cutting.address];
  const { wordsOf } = anExplainer({
    forward: [
      { zone: '.', upstreams, policy: 'sequential' },
      { zone: 'gone.example', upstreams: ['127.0.0.1:1'], forceTcp: true },
      { zone: 'closed.example', upstreams: [] },
    ],
  });
  const before = `after ${silent.address} by udp silent for # ms, ${cutting.address} by udp with NOERROR, cut`;
  assert.deepEqual(await wordsOf('example.org'), [
    `upstream: example.org: NOERROR from ${cutting.address} by tcp in # ms, of zone ".", ${before}`,
  ]);
  assert.match(
    (await wordsOf('a.gone.example'))[0] ?? '',
    /SERVFAIL: no upstream answered: 127.0.0.1:1 by tcp not/,
  );
  assert.deepEqual(await wordsOf('a.closed.example'), [
    'upstream: a.closed.example: SERVFAIL: no upstream of zone "closed.example" is there to be asked',
  ]);
});

test('explain() tells a stale answer, and that too many questions are on their way', async () => {
  let isSilent = false;
  const world = await anUpstream({ answer: '192.0.2.1', isSilent: () => isSilent });
  const cache = { serveStale: { mode: 'immediate' as const } };
  const { wordsOf, later, answering } = anExplainer({ upstreams: [world.address], cache, maxInFlight: 1 });
  await wordsOf('example.org');
  later(70_000);
  assert.deepEqual(await wordsOf('example.org'), [
    'cache: example.org: NOERROR, 70 seconds old, stale for 10',
  ]);
  isSilent = true;
  const first = answering.explain({
    name: 'slow.example',
    type: 'A',
    client: '127.0.0.1',
    isSearched: false,
  });
  assert.deepEqual(await wordsOf('other.example'), [
    'upstream: other.example: SERVFAIL: too many questions are on their way',
  ]);
  await first;
});

test('explain() tells hosts lines and rewritten names, which come first', async () => {
  const world = await anUpstream({ answer: '192.0.2.1' });
  const hosts = { zones: ['.'], lines: ['192.0.2.9 printer.example'], fallthrough: ['.'] };
  const rewrite = [{ match: 'exact' as const, from: 'old.example', to: 'new.example' }];
  const { wordsOf } = anExplainer({ upstreams: [world.address], overrides: [{ zone: '.', hosts, rewrite }] });
  assert.deepEqual(await wordsOf('printer.example'), ['hosts: printer.example: NOERROR, one record']);
  assert.deepEqual(await wordsOf('old.example'), [
    'rewrite: old.example: asked for as new.example',
    `upstream: new.example: NOERROR from ${world.address} by udp in # ms, of zone "."`,
  ]);
});
