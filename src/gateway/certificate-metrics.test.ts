import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { CertificateMetrics } from './certificate-metrics.ts';

test('tells when the certificates of now end, and nothing of those before', async () => {
  const registry = new Registry();
  const metrics = new CertificateMetrics(registry);
  const certificate = (id: string): Parameters<typeof metrics.follow>[0] => [
    { id, pem: '', names: [], validity: { fromMs: 0, untilMs: 5000 } },
  ];
  metrics.follow(certificate('Secret shop/old'));
  metrics.follow([...certificate('Secret shop/new'), { id: 'default', pem: '', names: [] }]);
  assert.match(await registry.metrics(), /expiry_timestamp_seconds\{certificate="Secret shop\/new"\} 5\n*$/);
});
