// The process whole, on the loopback: both transports, upstreams, metrics, and what it knows after it was killed.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import packet from 'dns-packet';
import { askTcp, askUdp, startDnsProcess, type DnsProcess } from '../../test/support/dns-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import { parseCidr } from '../base/cidr.ts';
import { systemClock } from '../base/clock.ts';
import { nameEntryKey, type NameZone } from '../model/names.ts';
import type { DnsConfigFile } from './config.ts';
import { connectZoneFeed, type ZoneFeed } from './feed.ts';
import { connectLearnClient } from './learn-client.ts';
import { parseNameEntry } from './zone-json.ts';

/** Ports of the loopback that other runs of this test hardly use. */
const PORT = 20_000 + (process.pid % 10_000);
const METRICS_PORT = PORT + 10_000;
const V4 = { ip: '127.0.0.1', port: PORT };
const V6 = { ip: '::1', port: PORT };

let folder = '';
let config: DnsConfigFile;
let dns: DnsProcess;
let upstream: Socket;
let upstreamAsked = 0;
let end = new AbortController();
let feed: ZoneFeed;

function zoneOf(...services: readonly string[]): NameZone {
  const entries = services.map((service, i) =>
    parseNameEntry({ kind: 'cluster-ip', namespace: 'shop', service, ips: [`10.96.0.${i + 1}`], ports: [] }),
  );
  return {
    prefixes: [parseCidr('10.96.0.0/16')],
    entries: new Map(entries.map((it) => [nameEntryKey(it), it])),
  };
}

async function start(): Promise<void> {
  dns = startDnsProcess(path.join(folder, 'dns.json'), config);
  await dns.said('answering');
}

function startFeed(): void {
  end = new AbortController();
  feed = connectZoneFeed(config.feedSocket, { clock: systemClock, random: Math.random, signal: end.signal });
}

async function http(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${METRICS_PORT}${url}`);
  return { status: response.status, text: await response.text() };
}

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

async function answersWith(ip: string, name: string): Promise<void> {
  await eventually(async () => {
    const answer = await askUdp(`${name} A`, V4);
    assert.deepEqual(answer, ['NOERROR aa', `answer ${name} 5 A ${ip}`]);
  });
}

describe('the DNS process', () => {
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 't-dns-process-'));
    upstream = createSocket('udp4');
    upstream.on('message', (bytes, from) => {
      upstreamAsked++;
      const { id = 0, questions = [] } = packet.decode(bytes);
      const name = questions[0]?.name ?? '';
      const answers = [{ type: 'A' as const, name, ttl: 60, data: '192.0.2.7' }];
      upstream.send(packet.encode({ type: 'response', id, questions, answers }), from.port, from.address);
    });
    await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
    config = {
      listen: ['127.0.0.1', '::1'],
      port: PORT,
      zoneFile: path.join(folder, 'zone'),
      feedSocket: path.join(folder, 'dns.sock'),
      learnSocket: path.join(folder, 'learn.sock'),
      clusterDomain: 'cluster.local',
      upstreams: [`127.0.0.1:${upstream.address().port}`],
      metricsPort: METRICS_PORT,
    };
    await start();
  });

  after(async () => {
    end.abort();
    await feed.closed;
    await dns.end('SIGKILL');
    upstream.close();
    rmSync(folder, { recursive: true });
  });

  test('without a zone it is not ready, fails cluster names and forwards the others', async () => {
    assert.deepEqual(await http('/readyz'), { status: 503, text: 'no zone yet\n' });
    assert.deepEqual(await http('/healthz'), { status: 200, text: 'ok\n' });
    assert.deepEqual(await askUdp('web.shop.svc.cluster.local A', V4), ['SERVFAIL']);
    assert.deepEqual(await askUdp('example.org A', V6), ['NOERROR', 'answer example.org 60 A 192.0.2.7']);
    startFeed();
    feed.publish(zoneOf('web', 'api'));
    await feed.whenApplied(1, AbortSignal.timeout(5000));
    assert.deepEqual(await http('/readyz'), { status: 200, text: 'ok\n' });
    await answersWith('10.96.0.1', 'web.shop.svc.cluster.local');
  });

  test('answers many questions of one TCP connection, the forwarded ones when they are there', async () => {
    const asked = [
      'web.shop.svc.cluster.local A',
      'slow.example.org A',
      'api.shop.svc.cluster.local A',
      'no.cluster.local A',
    ];
    const answers = await askTcp(asked, V6);
    assert.deepEqual(answers.map(([code]) => code ?? '').toSorted(byText), [
      'NOERROR',
      'NOERROR aa',
      'NOERROR aa',
      'NXDOMAIN aa',
    ]);
    const many = Array.from({ length: 300 }, () => 'web.shop.svc.cluster.local A');
    assert.equal((await askTcp(many, V4)).length, 300);
  });

  test('hangs up on a TCP client that announces too much, and serves others beside idle ones', async () => {
    const idle = Array.from({ length: 10 }, () => connect(PORT, '127.0.0.1'));
    const greedy = connect(PORT, '127.0.0.1', () => greedy.write(Buffer.from([0xff, 0xff, 0])));
    await new Promise((resolve) => greedy.on('close', resolve));
    assert.equal((await askTcp(['web.shop.svc.cluster.local A'], V4)).length, 1);
    for (const socket of idle) socket.destroy();
  });

  test('lets one client hold no more than its share of TCP connections', async () => {
    const sockets = Array.from({ length: 80 }, () => connect(PORT, '127.0.0.1').on('error', () => undefined));
    await eventually(() => {
      const refused = sockets.filter((it) => it.destroyed).length;
      assert.equal(refused, 80 - 64);
    });
    for (const socket of sockets) socket.destroy();
    await eventually(async () =>
      assert.equal((await askTcp(['web.shop.svc.cluster.local A'], V4)).length, 1),
    );
  });

  test('asks upstream once for what it keeps', async () => {
    await askUdp('kept.example.org A', V4);
    const before = upstreamAsked;
    for (let i = 0; i < 5; i++) await askUdp('KEPT.example.org A', V4);
    assert.equal(upstreamAsked, before);
  });

  test('counts under the names of CoreDNS', async () => {
    const { text } = await http('/metrics');
    const lines = text.split('\n');
    const value = (start: string): number =>
      Number(
        lines
          .find((line) => line.startsWith(start))
          ?.split(' ')
          .at(-1) ?? 'NaN',
      );
    const labels = 'server="dns://:53",view="",zone="."';
    assert.ok(value(`coredns_dns_requests_total{${labels},family="1",proto="udp",type="A"}`) >= 7);
    assert.ok(value(`coredns_dns_requests_total{${labels},family="2",proto="tcp",type="A"}`) >= 4);
    assert.ok(value(`coredns_dns_responses_total{${labels},plugin="kubernetes",rcode="NXDOMAIN"}`) >= 1);
    assert.ok(value(`coredns_dns_responses_total{${labels},plugin="forward",rcode="NOERROR"}`) >= 7);
    assert.ok(text.includes('coredns_build_info{version="') && value('coredns_panics_total') === 0);
    assert.equal(value(`coredns_plugin_enabled{${labels},name="kubernetes"}`), 1);
    assert.equal(value(`coredns_dns_do_requests_total{${labels}}`), 0);
    const to = `to="${config.upstreams?.[0]}",rcode="NOERROR"`;
    const forwarded = value(`coredns_forward_responses_total{${to}}`);
    assert.ok(forwarded >= 3 && forwarded <= upstreamAsked, `${forwarded} of ${upstreamAsked}`);
    assert.equal(value(`coredns_forward_request_duration_seconds_count{${to}}`), forwarded);
    assert.equal(value('coredns_forward_healthcheck_broken_total'), 0);
    const count = value(`coredns_dns_request_duration_seconds_count{${labels}}`);
    assert.equal(value(`coredns_dns_request_duration_seconds_bucket{${labels},le="+Inf"}`), count);
    assert.ok(value('coredns_cache_hits_total{server="dns://:53",view="",zones=".",type="success"}') >= 5);
    assert.ok(value('coredns_cache_entries{server="dns://:53",view="",zones=".",type="success"}') >= 3);
    assert.equal(value('fairlead_dns_zone_entries'), 2);
    assert.equal(value('fairlead_dns_feed_connected'), 1);
  });

  test('killed while nobody feeds it, it comes back with the zone it had', async () => {
    feed.publish(zoneOf('api', 'web'));
    await feed.whenApplied(2, AbortSignal.timeout(5000));
    // Half a second of quiet, then it is on disk.
    await new Promise((resolve) => setTimeout(resolve, 900));
    end.abort();
    await feed.closed;
    await answersWith('10.96.0.2', 'web.shop.svc.cluster.local');
    await dns.end('SIGKILL');
    await start();
    assert.deepEqual(await http('/readyz'), { status: 200, text: 'ok\n' });
    await answersWith('10.96.0.2', 'web.shop.svc.cluster.local');
  });

  test('killed at any moment of a stream of changes, it comes back with a whole zone', async () => {
    for (let round = 0; round < 3; round++) {
      startFeed();
      const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
      const timer = setInterval(
        () => feed.publish(zoneOf(...names.slice(0, 1 + Math.floor(Math.random() * 200)))),
        5,
      );
      await new Promise((resolve) => setTimeout(resolve, 600 + Math.random() * 300));
      await dns.end('SIGKILL');
      clearInterval(timer);
      end.abort();
      await feed.closed;
      await start();
      assert.doesNotMatch(dns.log(), /cannot use the zone/);
      assert.match(dns.log(), /answering from the zone on disk/);
    }
  });

  test('ended by SIGTERM it writes the newest zone first', async () => {
    startFeed();
    feed.publish(zoneOf('last'));
    await feed.whenApplied(1, AbortSignal.timeout(5000));
    assert.equal(await dns.end('SIGTERM'), 0);
    end.abort();
    await feed.closed;
    await start();
    await answersWith('10.96.0.1', 'last.shop.svc.cluster.local');
  });

  test('starts without the zone where the file is broken, and says so', async () => {
    await dns.end('SIGKILL');
    writeFileSync(config.zoneFile, '{"format":"fairlead-zone/1"');
    await start();
    assert.match(dns.log(), /cannot use the zone on disk/);
    assert.deepEqual(await askUdp('web.shop.svc.cluster.local A', V4), ['SERVFAIL']);
  });

  test('holds answers that the agent watches for, where it starts anew even before the agent has spoken', async () => {
    const over = new AbortController();
    const names: string[] = [];
    const learner = connectLearnClient(config.learnSocket ?? '', {
      clock: systemClock,
      random: Math.random,
      signal: over.signal,
      onAnswers: (answers) => {
        names.push(...answers.map((it) => it.name));
        learner.known(answers.map((it) => it.id));
      },
      onConnected: () => undefined,
    });
    learner.watch({ patterns: ['*.held.org'], graceMs: 60_000 });
    await eventually(() => learner.isCurrent);
    assert.deepEqual(await askUdp('A.Held.org A', V4), ['NOERROR', 'answer A.Held.org 60 A 192.0.2.7']);
    assert.deepEqual(names, ['a.held.org']);
    assert.match((await http('/metrics')).text, /fairlead_dns_held_answers_total\{result="known"\} 1\n/);
    over.abort();
    await learner.closed;
    await dns.end('SIGKILL');
    await start();
    assert.deepEqual(await askUdp('b.held.org A', V6), ['NOERROR', 'answer b.held.org 60 A 192.0.2.7']);
    assert.match((await http('/metrics')).text, /fairlead_dns_held_answers_total\{result="late"\} 1\n/);
  });

  test('ends at once when it is told to while it still waits for an address', async () => {
    const file = path.join(folder, 'waiting.json');
    const waiting = startDnsProcess(file, {
      ...config,
      listen: ['192.0.2.53'],
      port: PORT,
      feedSocket: path.join(folder, 'waiting.sock'),
      learnSocket: path.join(folder, 'waiting-learn.sock'),
      metricsPort: METRICS_PORT + 1,
    });
    await waiting.said('waiting for address');
    assert.equal(await waiting.end('SIGTERM'), 0);
  });
});
