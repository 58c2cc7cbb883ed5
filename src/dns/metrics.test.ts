import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import type { KernelAnswers } from './feed-answers.ts';
import { DnsMetrics } from './metrics.ts';
import { ZoneState } from './zone-state.ts';

test('DnsMetrics counts what the kernel answered as requests and responses, and no time or size of it', async () => {
  const metrics = new DnsMetrics({
    zone: new ZoneState(),
    cache: () => undefined,
    isFeedConnected: () => true,
    looping: () => [],
  });
  const name = parseDnsName('web.shop.svc.cluster.local');
  const answered = (client: string, rest: Pick<KernelAnswers, 'typeCode' | 'isDnssecOk' | 'count'>): void =>
    metrics.answeredInKernel({ client: parseIp(client), name, ...rest });
  answered('10.244.1.7', { typeCode: 1, isDnssecOk: false, count: 5 });
  answered('10.244.1.8', { typeCode: 1, isDnssecOk: true, count: 2 });
  answered('fd00::7', { typeCode: 28, isDnssecOk: false, count: 3 });
  const text = await metrics.registry.metrics();
  const counted = text
    .split('\n')
    .filter((it) => /^coredns_dns_(requests|responses|do_requests)_total|_duration_seconds_count/.test(it));
  const zone = 'server="dns://:53",view="",zone="."';
  assert.deepEqual(counted, [
    `coredns_dns_requests_total{${zone},family="1",proto="udp",type="A"} 7`,
    `coredns_dns_requests_total{${zone},family="2",proto="udp",type="AAAA"} 3`,
    `coredns_dns_responses_total{${zone},plugin="kubernetes",rcode="NOERROR"} 10`,
    `coredns_dns_request_duration_seconds_count{${zone}} 0`,
    `coredns_dns_do_requests_total{${zone}} 2`,
  ]);
  assert.match(text, /coredns_dns_response_size_bytes_count\{.*proto="udp"\} 0/);
});
