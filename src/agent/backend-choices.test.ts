// The two choices of a node together: a pair that is none is taken by neither, and what carries goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKEND_PAIRS } from '../backends/pairs.ts';
import { parseIp } from '../base/ip.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../backends/registry.ts';
import { BackendChoice } from './backend-choice.ts';
import { wantBackends, type BackendChoices } from './backend-choices.ts';

/** All but one. */
const PAIRS = BACKEND_PAIRS.filter((it) => it.service !== 'ipvs' || it.policy !== 'nftables');
const REFUSAL = /^policies by nftables go with Services by ebpf, nftables, iptables, not by ipvs$/;

function someChoices(): BackendChoices {
  const open = (role: string, backends: readonly { readonly name: string }[]): BackendChoice => {
    const known = backends.map((it) => it.name);
    return new BackendChoice({ role, known, fallback: 'ebpf', support: () => ({ kind: 'yes' }) });
  };
  return { services: open('Service', SERVICE_BACKENDS), policies: open('policy', POLICY_BACKENDS) };
}

function settle({ services, policies }: BackendChoices): readonly unknown[] {
  for (const choice of [services, policies]) choice.settle(() => true);
  return [services.status().carrier, policies.status().carrier];
}

test('wantBackends() takes a pair of the table', () => {
  const choices = someChoices();
  wantBackends(choices, { proxy: 'ipvs', policy: 'ebpf' }, { pairs: PAIRS });
  assert.deepEqual(settle(choices), ['ipvs', 'ebpf']);
  wantBackends(choices, undefined, { pairs: PAIRS });
  assert.deepEqual(settle(choices), ['ebpf', 'ebpf']);
  assert.equal(choices.services.status().problem, undefined);
});

test('wantBackends() refuses a pair that is none, whichever of the two changed, and says why', () => {
  for (const before of [
    { proxy: 'ipvs', policy: 'ebpf' },
    { proxy: 'iptables', policy: 'nftables' },
  ]) {
    const choices = someChoices();
    wantBackends(choices, before, { pairs: PAIRS });
    const carriers = settle(choices);
    wantBackends(choices, { proxy: 'ipvs', policy: 'nftables' }, { pairs: PAIRS });
    assert.deepEqual(settle(choices), carriers, 'what carried goes on');
    for (const choice of [choices.services, choices.policies])
      assert.match(choice.status().problem ?? '', REFUSAL);
    wantBackends(choices, before, { pairs: PAIRS });
    assert.equal(choices.services.status().problem ?? choices.policies.status().problem, undefined);
  }
});

test('wantBackends() gives a node that carries nothing yet the default instead of a pair that is none', () => {
  const choices = someChoices();
  wantBackends(choices, { proxy: 'ipvs', policy: 'nftables' }, { pairs: PAIRS });
  assert.deepEqual(settle(choices), ['ebpf', 'ebpf']);
});

test('wantBackends() refuses nftables where a pod is at a bridge, and gives up what it has begun', () => {
  const choices = someChoices();
  const routed = { ifindex: 7, ips: [parseIp('10.244.1.7')], pod: { key: 'shop/web', uid: 'u' } };
  const bridged = { ...routed, ifindex: 8, pod: { key: 'shop/api', uid: 'v' }, bridge: 'cni0' };
  wantBackends(choices, { proxy: undefined, policy: 'ebpf' }, { links: [routed] });
  settle(choices);
  wantBackends(choices, { proxy: undefined, policy: 'nftables' }, { links: [routed] });
  assert.equal(choices.policies.status().next, 'nftables');
  wantBackends(choices, { proxy: undefined, policy: 'nftables' }, { links: [routed, bridged] });
  assert.deepEqual(choices.policies.status(), {
    wanted: 'nftables',
    carrier: 'ebpf',
    next: undefined,
    problem:
      'the link of pod shop/api is a port of cni0, where nftables is not asked: packets between pods of a bridge pass no netfilter; set policy=ebpf',
  });
  assert.equal(choices.services.status().problem, undefined);
  wantBackends(choices, { proxy: undefined, policy: 'nftables' }, { links: [routed] });
  assert.equal(choices.policies.status().next, 'nftables');
});

test('wantBackends() holds nobody back for a name that nobody has', () => {
  const choices = someChoices();
  wantBackends(choices, { proxy: 'nftables', policy: 'none' }, { pairs: PAIRS });
  assert.deepEqual(settle(choices), ['nftables', 'ebpf']);
  assert.match(choices.policies.status().problem ?? '', /^no policy backend "none"/);
});
