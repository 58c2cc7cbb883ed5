// How long names take: which changes are measured, and from when to when.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { NameLatency } from './name-latency.ts';

const START = Date.parse('2026-11-30T12:00:00Z');

function aSlice(service: string | undefined, trigger?: string, name = 's'): object {
  const labels = service === undefined ? {} : { 'kubernetes.io/service-name': service };
  const annotations =
    trigger === undefined ? {} : { 'endpoints.kubernetes.io/last-change-trigger-time': trigger };
  return { metadata: { namespace: 'shop', name, labels, annotations } };
}

function aLatency() {
  const metrics = new Registry();
  const time = { ms: START };
  /** Whether they are headless. */
  const services = new Map([
    ['shop/db', true],
    ['shop/web', false],
  ]);
  const isHeadless = (service: string): boolean | undefined => services.get(service);
  const latency = new NameLatency({ metrics, nowMs: () => time.ms, isHeadless });
  /** "COUNT SUM". */
  const measured = async (): Promise<string> => {
    const text = await metrics.metrics();
    const value = (part: string): string | undefined =>
      new RegExp(`seconds_${part}\\{service_kind="headless_with_selector"\\} (\\S+)`).exec(text)?.[1];
    return `${value('count')} ${value('sum')}`;
  };
  return { latency, time, measured, metrics, services };
}

test('NameLatency measures from the change until the DNS process answers from it', async () => {
  const { latency, time, measured, metrics } = aLatency();
  latency.published(1);
  latency.applied(1);
  latency.seen(aSlice('db', '2026-11-30T12:00:01.250Z'));
  time.ms += 1500;
  latency.published(2);
  assert.equal(await measured(), '0 0', 'it is not answered yet');
  time.ms += 250;
  latency.applied(2);
  assert.equal(await measured(), '1 0.5');
  latency.applied(3);
  assert.equal(await measured(), '1 0.5', 'once');
  assert.match(await metrics.metrics(), /_bucket\{service_kind="headless_with_selector",le="0.512"\} 1/);
});

test('NameLatency counts a change that makes no other zone as answered when that is known', async () => {
  const { latency, time, measured } = aLatency();
  latency.published(1);
  latency.applied(1);
  latency.seen(aSlice('db', '2026-11-30T12:00:00Z'));
  time.ms += 250;
  latency.published(1);
  assert.equal(await measured(), '1 0.25');
});

test('NameLatency waits for a zone, and for a DNS process that is away', async () => {
  const { latency, time, measured } = aLatency();
  latency.seen(aSlice('db', '2026-11-30T12:00:00Z'));
  latency.published(0);
  latency.seen(aSlice('db', '2026-11-30T12:00:01Z'));
  latency.published(1);
  time.ms += 4000;
  latency.applied(1);
  assert.equal(await measured(), '2 7');
});

test('NameLatency measures a change once, however often its slice comes', async () => {
  const { latency, measured } = aLatency();
  const slices = [
    aSlice('db', '2026-11-30T12:00:00Z'),
    aSlice('db', '2026-11-30T12:00:00Z'),
    aSlice('db', '2026-11-30T12:00:00Z', 'another'),
    aSlice('db', '2026-11-30T12:00:01Z'),
    aSlice('db', '2026-11-30T12:00:00Z'),
  ];
  for (const slice of slices) latency.seen(slice);
  latency.published(1);
  latency.applied(1);
  assert.match(await measured(), /^3 /);
});

test('NameLatency waits for a Service that comes behind its slice, but not for ever', async () => {
  const { latency, time, measured, services } = aLatency();
  services.clear();
  latency.seen(aSlice('db', '2026-11-30T12:00:00Z'));
  latency.published(1);
  latency.applied(1);
  time.ms += 500;
  services.set('shop/db', true);
  latency.published(2);
  latency.applied(2);
  assert.equal(await measured(), '1 0.5');
  services.clear();
  latency.seen(aSlice('db', '2026-11-30T12:00:00.5Z'));
  time.ms += 60_000;
  latency.published(3);
  latency.applied(3);
  services.set('shop/db', true);
  latency.published(4);
  latency.applied(4);
  assert.equal(await measured(), '1 0.5');
});

test('NameLatency takes no time as a negative one', async () => {
  const { latency, measured } = aLatency();
  latency.seen(aSlice('db', '2026-11-30T12:00:09Z'));
  latency.published(1);
  latency.applied(1);
  assert.equal(await measured(), '1 0');
});

for (const [what, slice] of Object.entries({
  'a Service with an address': aSlice('web', '2026-11-30T12:00:00Z'),
  'no Service': aSlice(undefined, '2026-11-30T12:00:00Z'),
  'a slice that nobody timed': aSlice('db'),
  'a time that is none': aSlice('db', 'yesterday'),
  'a change of before the start': aSlice('db', '2026-11-30T11:59:59.999Z'),
}))
  test(`NameLatency leaves out ${what}`, async () => {
    const { latency, measured } = aLatency();
    latency.seen(slice);
    latency.published(1);
    latency.applied(1);
    assert.equal(await measured(), '0 0');
  });
