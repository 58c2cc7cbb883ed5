// Upstreams that lead back here: found before they cost anything, named, not asked, and asked again when they are mended.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { aMessage, anOutsideQuestion } from '../../test/support/dns-messages.ts';
import { askUdp, startDnsProcess } from '../../test/support/dns-process.ts';
import { questionOf, startUpstream } from '../../test/support/dns-upstream.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { systemClock } from '../base/clock.ts';
import { ConfigFields } from './config-fields.ts';
import { connectZoneFeed } from './feed.ts';
import { parseForward } from './forward-config.ts';
import { LoopGuard } from './loop-guard.ts';
import { watchLoops } from './loop-watch.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { parseUpstream, upstreamText, type Upstream } from './upstream.ts';
import { UpstreamPool } from './upstream-pool.ts';

const PORT = 20_000 + ((process.pid + 5000) % 10_000);
const METRICS_PORT = PORT + 10_000;
const folder = mkdtempSync(`${tmpdir()}/t-dns-loop-`);
after(() => rmSync(folder, { recursive: true }));

/** Passes each question on to `port` and the answer back, as a forwarder does. */
async function aRelay(port: number) {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    asked.push(questionOf(bytes));
    const onward = createSocket('udp4');
    onward.on('message', (answer) => {
      onward.close();
      socket.send(answer, from.port, from.address);
    });
    onward.send(bytes, port, '127.0.0.1');
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${socket.address().port}`, asked, close: () => socket.close() };
}

test('the DNS process finds an upstream that leads back here, names it and does not ask it', async () => {
  const relay = await aRelay(PORT);
  const good = await startUpstream({ answer: '192.0.2.1' });
  const end = new AbortController();
  const feedSocket = `${folder}/dns.sock`;
  const feed = connectZoneFeed(feedSocket, { clock: systemClock, random: Math.random, signal: end.signal });
  const dns = startDnsProcess(`${folder}/dns.json`, {
    listen: ['127.0.0.1'],
    port: PORT,
    zoneFile: `${folder}/zone`,
    feedSocket,
    clusterDomain: 'cluster.local',
    metricsPort: METRICS_PORT,
    forward: [
      { zone: '.', upstreams: [good.address] },
      { zone: 'corp.example', upstreams: [relay.address] },
    ],
  });
  try {
    await dns.said('an upstream leads back here: it is not asked');
    assert.match(dns.log(), new RegExp(`"zone":"corp.example","upstream":"${relay.address}"`));
    const probes = relay.asked.length;
    assert.equal(probes, 1, 'one question was enough, and it went round once');
    const started = performance.now();
    assert.deepEqual(await askUdp('wiki.corp.example A', { ip: '127.0.0.1', port: PORT }), ['SERVFAIL']);
    assert.ok(performance.now() - started < 1000, 'at once');
    assert.equal(relay.asked.length, probes);
    const answer = await askUdp('example.org A', { ip: '127.0.0.1', port: PORT });
    assert.deepEqual(answer, ['NOERROR', 'answer example.org 60 A 192.0.2.1']);
    feed.publish({ prefixes: [], entries: new Map() });
    await feed.whenApplied(1, AbortSignal.timeout(5000));
    const get = async (url: string) => (await fetch(`http://127.0.0.1:${METRICS_PORT}${url}`)).text();
    const words = `upstream ${relay.address} of zone "corp.example" leads back here: it is not asked`;
    assert.equal(await get('/readyz'), `ok\n${words}\n`);
    const metric = `fairlead_dns_looping_upstreams{zone="corp.example",to="${relay.address}"} 1\n`;
    assert.ok((await get('/metrics')).includes(metric));
  } finally {
    end.abort();
    await feed.closed;
    await dns.end('SIGKILL');
    relay.close();
    good.close();
  }
});

test('watchLoops() asks an upstream again that led back, and looks at what is new in the list', async () => {
  const clock = new ManualClock();
  const end = new AbortController();
  const [first, second] = [parseUpstream('192.0.2.1'), parseUpstream('192.0.2.2')];
  const looping = new Set<Upstream>([first]);
  const random = { uint16: () => Math.floor(Math.random() * 65_536), fraction: () => 0 };
  const guard = new LoopGuard({
    random,
    signal: end.signal,
    exchange: async (upstream, query) => {
      const { labels, typeCode } = query.question;
      const question = anOutsideQuestion(labels.join('.'), { typeCode });
      if (looping.has(upstream)) await guarded.resolve(question);
      return { kind: 'reply', message: aMessage() };
    },
  });
  const passed: string[] = [];
  const guarded = guard.around({
    resolve: (question) => {
      passed.push(question.labels.join('.'));
      return { prepared: prepareEmpty(0), ageS: 0 };
    },
  });
  const [zone] = parseForward(new ConfigFields({ upstreams: [] }));
  assert.ok(zone);
  const pool = new UpstreamPool({
    settings: zone,
    probe: async () => true,
    clock,
    random,
    signal: end.signal,
  });
  pool.set([first, second]);
  const said: string[] = [];
  const candidates = () => pool.candidates().map(upstreamText).join(' ');
  const watching = watchLoops({
    pool,
    zone,
    guard,
    clock,
    signal: end.signal,
    onChange: (list) => said.push(list.map(upstreamText).join(' ')),
  });
  await clock.advance(0);
  assert.equal(candidates(), '192.0.2.2:53');
  await clock.advance(40_000);
  assert.deepEqual(said, ['192.0.2.1:53'], 'said once');
  looping.clear();
  await clock.advance(40_000);
  assert.equal(candidates(), '192.0.2.1:53 192.0.2.2:53');
  looping.add(second);
  await clock.advance(60_000);
  assert.equal(said.length, 2, 'one that was good is seldom asked again');
  pool.set([second]);
  await clock.advance(5000);
  assert.equal(candidates(), '');
  assert.deepEqual(said, ['192.0.2.1:53', '', '192.0.2.2:53']);
  await guarded.resolve(anOutsideQuestion('x.example.org', { typeCode: 13 }));
  assert.deepEqual(passed, ['x.example.org'], 'questions of that type that are none of ours go on');
  end.abort();
  await watching;
});
