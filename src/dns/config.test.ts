import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseDnsConfig, parseUpstream } from './config.ts';
import { parseResolvConf } from './resolv-conf.ts';

const LEAST = {
  listen: ['10.96.0.10', 'fd00:10:96:0::a'],
  zoneFile: '/z',
  feedSocket: '/f',
  clusterDomain: 'Cluster.Local.',
};

test('parseDnsConfig() fills in what is absent', () => {
  assert.deepEqual(parseDnsConfig(LEAST), {
    listen: ['10.96.0.10', 'fd00:10:96::a'],
    port: 53,
    zoneFile: '/z',
    feedSocket: '/f',
    learnSocket: undefined,
    upstreams: 'host',
    resolvConf: '/etc/resolv.conf',
    clusterDomain: 'cluster.local',
    ttlS: 5,
    cacheBytes: 8_388_608,
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
  [{ port: 0 }, /port "0"/],
  [{ ttlS: -1 }, /ttlS: must be a whole number from 0 to 3600/],
  [{ ttlS: '5' }, /ttlS/],
  [{ upstreams: ['example.org'] }, /"example.org"/],
  [{ upstreams: 5 }, /upstreams: must be a list/],
  [{ clusterDomain: 'a..b' }, /label/],
];

for (const [change, expected] of BAD) {
  test(`parseDnsConfig() refuses ${JSON.stringify(change)}`, () => {
    assert.throws(
      () => parseDnsConfig({ ...LEAST, ...change }),
      (error) => hasCode(error, 'invalid') && expected.test(error.message),
    );
  });
}

test('parseUpstream() reads addresses with and without port', () => {
  const rows = ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:5353'];
  assert.deepEqual(
    rows.map(parseUpstream).map(({ ip, port }) => `${ip} ${port}`),
    ['192.0.2.1 53', '192.0.2.1 5353', '2001:db8::1 53', '2001:db8::1 5353'],
  );
});

test('parseResolvConf() takes nameserver lines alone', () => {
  const text =
    '# nameserver 192.0.2.9\nsearch a.b\nnameserver 192.0.2.1\n  nameserver\t2001:db8:0::1 x\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n';
  assert.deepEqual(parseResolvConf(text), ['192.0.2.1', '2001:db8::1']);
});
