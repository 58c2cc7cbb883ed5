import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anHttpPort, aListener, aModel } from '../../test/support/proxy-models.ts';
import type { Telemetry } from '../model/gateway.ts';
import { renderDesired } from './desired.ts';
import { readRequestLine, unescaped } from './request-line.ts';
import { RequestTelemetry } from './telemetry.ts';

function configOf(telemetry: Telemetry | undefined): string {
  const place = {
    folder: '/run/p',
    addresses: [],
    threads: 1,
    metrics: { ip: '0.0.0.0', port: 9 },
    namesServer: false,
  };
  const model = { ...aModel({ ports: [anHttpPort(80, aListener(undefined))] }), telemetry };
  const { structure } = renderDesired({ model, slots: [], place, lua: '', usable: () => undefined });
  return structure.text(new Map());
}

test('the configuration says nothing of requests where nobody asks, numbers alone for metrics, and more for a log', () => {
  assert.doesNotMatch(configOf(undefined), /log|txn\.rule|rules\.map|control/);
  assert.match(configOf('metrics'), /^ {2}log-format 'r\|%\[var\(txn\.rule\)\]\|%ST\|%Ta\|%U\|%B'$/m);
  assert.doesNotMatch(configOf('metrics'), /log-format .*txn\.(method|path)/);
  assert.match(configOf('access-log'), /^ {2}log-format .*%\[var\(txn\.path\),bytes\(0,512\),url_enc\]/m);
});

test('readRequestLine() takes whole lines alone', () => {
  assert.equal(readRequestLine('r|HTTPRoute/a/b/0|200|3|10|20')?.rule, 'HTTPRoute/a/b/0');
  assert.equal(readRequestLine('r|HTTPRoute/a/b/0|200|3|10'), undefined);
});

test('unescaped() makes text of whatever bytes there are', () => {
  const rows = [
    ['plain', 'plain'],
    ['%2Fa%20%C3%BC', '/a ü'],
    ['%ff%2', '\u{fffd}%2'],
  ] as const;
  for (const [text, expected] of rows) assert.equal(unescaped(text), expected);
});

test('RequestTelemetry puts lines together that come in parts, and counts what it cannot read but not what HAProxy says of itself', async () => {
  const telemetry = new RequestTelemetry({ output: -1, backendOf: () => undefined });
  const parts = [
    'Proxy p80 stopped (FE: 3)\nr|HTTPRoute/a/b/0|20',
    '0|30|10|20\nr|HTTPRoute/a/b/0|-1|2000|1|0\nr|x|',
    '1\nr|-|404|0|1|1\n',
  ];
  for (const part of parts) telemetry.read(Buffer.from(part));
  const text = await telemetry.registry.metrics();
  const expected = [
    'fairlead_gateway_requests_total{route="HTTPRoute a/b",rule="0",code="2xx"} 1',
    'fairlead_gateway_requests_total{route="HTTPRoute a/b",rule="0",code="none"} 1',
    'fairlead_gateway_requests_total{route="none",rule="",code="4xx"} 1',
    'fairlead_gateway_request_duration_seconds_bucket{route="HTTPRoute a/b",rule="0",le="0.025"} 0',
    'fairlead_gateway_request_duration_seconds_bucket{route="HTTPRoute a/b",rule="0",le="0.05"} 1',
    'fairlead_gateway_request_duration_seconds_sum{route="HTTPRoute a/b",rule="0"} 2.03',
    'fairlead_gateway_response_bytes_total{route="HTTPRoute a/b",rule="0"} 20',
    'fairlead_gateway_unread_lines_total 1',
  ];
  for (const line of expected) assert.ok(text.split('\n').includes(line), line);
});
