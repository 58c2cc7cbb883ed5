import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseDnsConfig } from './config.ts';
import { parseUpstream, upstreamText } from './upstream.ts';
import { parseResolvConf } from './resolv-conf.ts';

const LEAST = {
  listen: ['10.96.0.10', 'fd00:10:96:0::a'],
  zoneFile: '/z',
  feedSocket: '/f',
  clusterDomain: 'Cluster.Local.',
};

const ZONE_DEFAULTS = {
  except: [],
  policy: 'random',
  forceTcp: false,
  maxFails: 1,
  healthCheckMs: 250,
};

test('parseDnsConfig() fills in what is absent', () => {
  assert.deepEqual(parseDnsConfig(LEAST), {
    listen: ['10.96.0.10', 'fd00:10:96::a'],
    port: 53,
    zoneFile: '/z',
    feedSocket: '/f',
    learnSocket: undefined,
    forward: [{ ...ZONE_DEFAULTS, zone: '.', upstreams: 'host' }],
    overrides: [],
    pods: 'insecure',
    queryLog: [],
    resolvConf: '/etc/resolv.conf',
    clusterDomain: 'cluster.local',
    ttlS: 5,
    cache: {
      bytes: 8_388_608,
      success: { minS: 0, maxS: 3600 },
      denial: { minS: 0, maxS: 1800 },
      servfailS: 1,
      prefetch: undefined,
      serveStale: undefined,
    },
    udpPayloadBytes: 1232,
    tryTimeoutMs: 2000,
    totalTimeoutMs: 5000,
    maxInFlight: 512,
    maxInFlightPerClient: 64,
    metrics: undefined,
    logLevel: 'info',
  });
});

const BAD: readonly (readonly [object, RegExp])[] = [
  [{ listen: [] }, /listen: no address/],
  [{ listen: 'x' }, /listen: must be a list/],
  [{ listen: ['10.96.0.300'] }, /"10.96.0.300"/],
  [{ zoneFile: undefined }, /zoneFile: must be a text/],
  [{ port: 0 }, /port: must be a whole number from 1 to 65535/],
  [{ ttlS: -1 }, /ttlS: must be a whole number from 0 to 3600/],
  [{ ttlS: '5' }, /ttlS/],
  [{ upstreams: ['example.org'] }, /"example.org"/],
  [{ upstreams: 5 }, /upstreams: must be a list/],
  [{ clusterDomain: 'a..b' }, /clusterDomain: .*label/],
  [{ upstreams: ['10.96.0.10'] }, /upstream 10.96.0.10:53 of zone "." is an address of this process itself/],
  [{ forward: [{ zone: 'a', upstreams: ['fd00:10:96::a'] }] }, /of zone "a" is an address of this/],
  [{ cache: 5 }, /cache: must be an object/],
  [{ cache: { success: { minS: 10, maxS: 5 } } }, /cache.success.minS: must be a whole number from 0 to 5/],
  [{ cache: { servfailS: 301 } }, /cache.servfailS: must be a whole number from 0 to 300/],
  [{ cache: { prefetch: {} } }, /cache.prefetch.amount: must be a whole number from 1/],
  [{ cache: { serveStale: { mode: 'never' } } }, /cache.serveStale.mode: must be one of immediate, verify/],
  [{ forward: {} }, /forward: must be a list/],
  [{ forward: ['corp.example'] }, /forward\[0\]: must be an object/],
  [{ forward: [{ upstreams: ['192.0.2.1'] }] }, /forward\[0\].zone: must be a text/],
  [{ forward: [{ zone: 'a', upstreams: ['x'] }] }, /forward\[0\].upstreams: .*"x"/],
  [{ forward: [{ zone: 'a', policy: 'fastest' }] }, /policy: must be one of random, round_robin, sequential/],
  [{ forward: [{ zone: 'a', except: ['b..a'] }] }, /forward\[0\].except: .*label/],
  [{ forward: [{ zone: 'a', forceTcp: 1 }] }, /forceTcp: must be true or false/],
  [{ forward: [{ zone: 'a' }, { zone: 'A.' }] }, /forward: a zone is there twice/],
  [{ forward: [{ zone: '.' }], upstreams: ['192.0.2.1'] }, /upstreams: zone "." of forward has its own/],
];

for (const [change, expected] of BAD) {
  test(`parseDnsConfig() refuses ${JSON.stringify(change)}`, () => {
    assert.throws(
      () => parseDnsConfig({ ...LEAST, ...change }),
      (error) => hasCode(error, 'invalid') && expected.test(error.message),
    );
  });
}

test('parseDnsConfig() puts the most specific zone first and the root last', () => {
  const stub = { zone: 'Corp.Example', upstreams: ['192.0.2.1:5353'], policy: 'sequential', forceTcp: true };
  const below = { zone: 'a.b.corp.example.', upstreams: [], except: ['X.a.b.corp.example'], maxFails: 0 };
  const { forward } = parseDnsConfig({ ...LEAST, upstreams: ['2001:db8::1'], forward: [stub, below] });
  assert.deepEqual(forward, [
    { ...ZONE_DEFAULTS, ...below, zone: 'a.b.corp.example', except: ['x.a.b.corp.example'] },
    { ...ZONE_DEFAULTS, ...stub, zone: 'corp.example', upstreams: [parseUpstream('192.0.2.1:5353')] },
    { ...ZONE_DEFAULTS, zone: '.', upstreams: [parseUpstream('2001:db8::1')] },
  ]);
});

test('parseUpstream() reads addresses with and without port, behind "tls://" for TLS', () => {
  const rows = [
    ['192.0.2.1', '192.0.2.1:53'],
    ['192.0.2.1:5353', '192.0.2.1:5353'],
    ['2001:db8:0::1', '[2001:db8::1]:53'],
    ['[2001:db8::1]:5353', '[2001:db8::1]:5353'],
    ['tls://192.0.2.1', 'tls://192.0.2.1:853'],
    ['tls://[2001:db8::1]:5353', 'tls://[2001:db8::1]:5353'],
  ] as const;
  for (const [text, expected] of rows) assert.equal(upstreamText(parseUpstream(text)), expected);
  for (const text of ['https://192.0.2.1', 'tls://dns.example', '192.0.2.1:0', 'tls://']) {
    assert.throws(() => parseUpstream(text));
  }
});

test("parseDnsConfig() gives a zone's names for certificates to its upstreams by TLS alone", () => {
  const zone = {
    zone: 'a',
    upstreams: ['tls://192.0.2.1', '192.0.2.2'],
    tlsServerName: 'dns.a',
    tlsCa: '/ca',
  };
  const [parsed] = parseDnsConfig({ ...LEAST, forward: [zone] }).forward;
  const tls = { serverName: 'dns.a', caFile: '/ca' };
  assert.deepEqual(parsed?.upstreams, [parseUpstream('tls://192.0.2.1', tls), parseUpstream('192.0.2.2')]);
});

test('parseResolvConf() takes nameserver lines alone', () => {
  const text =
    '# nameserver 192.0.2.9\nsearch a.b\nnameserver 192.0.2.1\n  nameserver\t2001:db8:0::1 x\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n';
  assert.deepEqual(parseResolvConf(text), ['192.0.2.1', '2001:db8::1']);
});
