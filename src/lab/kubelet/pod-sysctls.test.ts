import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../objects/api-types.ts';
import { podSysctls } from './pod-sysctls.ts';

const METADATA = { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };

function aPod(sysctls: readonly string[], hostNetwork = false): Pod {
  const wanted = sysctls.map((it) => ({ name: it.split('=')[0] ?? '', value: it.split('=')[1] ?? '' }));
  const spec = { containers: [], hostNetwork, securityContext: { sysctls: wanted } };
  return { apiVersion: 'v1', kind: 'Pod', metadata: METADATA, spec };
}

test('podSysctls() reads names in both spellings', () => {
  assert.deepEqual(
    podSysctls(aPod(['net.ipv4.ip_forward=1', 'net/core/somaxconn=9', 'net.ipv4.conf.eth0/5.forwarding=0'])),
    { 'net/ipv4/ip_forward': '1', 'net/core/somaxconn': '9', 'net/ipv4/conf/eth0.5/forwarding': '0' },
  );
  assert.deepEqual(podSysctls({ apiVersion: 'v1', kind: 'Pod', metadata: METADATA }), {});
});

test('podSysctls() refuses what is not of a network of its own', () => {
  assert.throws(() => podSysctls(aPod(['kernel.panic=1'])), /Cannot set kernel\.panic for a pod/);
  assert.throws(() => podSysctls(aPod(['vm/swappiness=1'])), { code: 'invalid' });
  assert.throws(() => podSysctls(aPod(['net.ipv4.ip_forward=1'], true)), { code: 'invalid' });
});
