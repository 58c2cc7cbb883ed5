// Stub zones over real sockets: which upstream gets which name, each zone by its own transport and with its own health.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { afterEach, test } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { anUpstreamQuestion } from '../../test/support/dns-messages.ts';
import { startUpstream, type TestUpstream, type UpstreamOptions } from '../../test/support/dns-upstream.ts';
import { eventually } from '../../test/support/eventually.ts';
import { systemClock } from '../base/clock.ts';
import { parseDnsConfig } from './config.ts';
import { ForwardCounts } from './forward-counts.ts';
import type { ForwardZoneFile } from './forward-config.ts';
import { systemRandom } from './random.ts';
import { ZoneForwarder } from './zone-forwarder.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const it of open.splice(0)) it.close();
});

async function anUpstream(answer: string, options: Partial<UpstreamOptions> = {}): Promise<TestUpstream> {
  const upstream = await startUpstream({ answer, ...options });
  open.push(upstream);
  return upstream;
}

/** Asks the zones' upstreams: the address that came, "rcode N", or "nobody". */
function aForwarder(forward: readonly ForwardZoneFile[], tryTimeoutMs = 2000, counts?: ForwardCounts) {
  const end = new AbortController();
  open.push({ close: () => end.abort() });
  const config = parseDnsConfig({
    listen: ['127.0.0.1'],
    zoneFile: '/z',
    feedSocket: '/f',
    clusterDomain: 'cluster.local',
    tryTimeoutMs,
    forward,
  });
  const forwarder = new ZoneForwarder({
    config,
    log: pino({ level: 'silent' }),
    clock: systemClock,
    random: systemRandom(),
    signal: end.signal,
    watching: end.signal,
    onExchange: () => undefined,
    counts,
  });
  return async (name: string): Promise<string> => {
    const message = await forwarder.ask(anUpstreamQuestion(name));
    const data = message?.answers[0]?.data;
    if (data?.kind === 'a') return data.ip;
    return message === undefined ? 'nobody' : `rcode ${message.rcode}`;
  };
}

test('ZoneForwarder asks the upstreams of the most specific zone, by whole labels', async () => {
  const [world, corp, lab] = [
    await anUpstream('192.0.2.1'),
    await anUpstream('192.0.2.2'),
    await anUpstream('192.0.2.3'),
  ];
  const ask = aForwarder([
    { zone: '.', upstreams: [world.address] },
    { zone: 'corp.example', upstreams: [corp.address], except: ['public.corp.example'] },
    { zone: 'lab.corp.example', upstreams: [lab.address] },
    { zone: 'nowhere.example', upstreams: [] },
  ]);
  const rows: readonly (readonly [string, string])[] = [
    ['example.org', '192.0.2.1'],
    ['corp.example', '192.0.2.2'],
    ['wiki.corp.example', '192.0.2.2'],
    ['a.lab.corp.example', '192.0.2.3'],
    ['notcorp.example', '192.0.2.1'],
    ['public.corp.example', '192.0.2.1'],
    ['a.public.corp.example', '192.0.2.1'],
    ['x.nowhere.example', 'nobody'],
  ];
  for (const [name, expected] of rows) assert.equal(await ask(name), expected, name);
});

test('ZoneForwarder takes a truncated answer by TCP, and asks by TCP alone where the zone says so', async () => {
  const cut = await anUpstream('192.0.2.1', { truncates: true });
  const tcpOnly = await anUpstream('192.0.2.2');
  const ask = aForwarder([
    { zone: '.', upstreams: [cut.address] },
    { zone: 'corp.example', upstreams: [tcpOnly.address], forceTcp: true },
  ]);
  assert.equal(await ask('example.org'), '192.0.2.1');
  assert.equal(await ask('corp.example'), '192.0.2.2');
  assert.deepEqual(cut.asked, ['example.org udp', 'example.org tcp']);
  assert.deepEqual(tcpOnly.asked, ['corp.example tcp']);
});

test('ZoneForwarder leaves a silent upstream out of its own zone alone', async () => {
  let isSilent = true;
  const failing = await anUpstream('192.0.2.1', { isSilent: () => isSilent });
  const good = await anUpstream('192.0.2.2');
  const upstreams = [failing.address, good.address];
  const ask = aForwarder(
    [
      { zone: '.', upstreams, policy: 'sequential' },
      { zone: 'corp.example', upstreams, policy: 'sequential', maxFails: 0 },
    ],
    300,
  );
  for (let i = 0; i < 3; i++) assert.equal(await ask(`n${i}.example.org`), '192.0.2.2');
  await eventually(async () => {
    const before = failing.asked.length;
    assert.equal(await ask('example.org'), '192.0.2.2');
    assert.equal(failing.asked.slice(before).filter((it) => it.startsWith('example.org')).length, 0);
  });
  await ask('corp.example');
  assert.ok(failing.asked.includes('corp.example udp'), 'the other zone has its own knowledge');
  isSilent = false;
  await eventually(async () => assert.equal(await ask('again.example.org'), '192.0.2.1'));
});

test('ZoneForwarder counts failed probes by upstream, and questions that come while all of their zone are down', async () => {
  const good = await anUpstream('192.0.2.2');
  // By TCP nobody is there at all.
  const silent = createSocket('udp4');
  open.push(silent);
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const silentAddress = `127.0.0.1:${silent.address().port}`;
  const counts = new ForwardCounts();
  const registry = new Registry();
  counts.register(registry);
  const ask = aForwarder(
    [
      { zone: '.', upstreams: [good.address] },
      { zone: 'down.example', upstreams: [silentAddress] },
      { zone: 'nowhere.example', upstreams: [] },
    ],
    100,
    counts,
  );
  const valueOf = async (metric: string): Promise<number> => {
    const line = (await registry.metrics()).split('\n').find((it) => it.startsWith(metric));
    return Number(line?.split(' ').at(-1) ?? -1);
  };
  const broken = 'coredns_forward_healthcheck_broken_total';
  for (const name of ['example.org', 'a.nowhere.example']) await ask(name);
  assert.equal(await valueOf(broken), 0);
  await eventually(async () => {
    await ask('a.down.example');
    assert.ok((await valueOf(broken)) > 0);
  });
  const before = await valueOf(broken);
  await ask('b.down.example');
  assert.equal(await valueOf(broken), before + 1);
  await ask('example.org');
  assert.equal(await valueOf(broken), before + 1, 'of its own zone');
  for (const labels of [
    'proxy_healthcheck_failures_total{proxy_name="forward",',
    'forward_healthcheck_failures_total{',
  ])
    assert.ok((await valueOf(`coredns_${labels}to="${silentAddress}"}`)) > 0, labels);
  assert.equal(await valueOf(`coredns_forward_healthcheck_failures_total{to="${good.address}"}`), -1);
});
