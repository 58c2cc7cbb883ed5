import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { NO_FRONTEND_OPTIONS } from '../model/network.ts';
import { aChoice, aFrontend } from '../../test/support/service-samples.ts';
import { unheededOptions } from './unheeded-options.ts';

const DIRECT = { ...NO_FRONTEND_OPTIONS, isDirectReturn: true };

test('unheededOptions() says what the carrying backend does not have, once', () => {
  const frontends = [aFrontend([], { options: DIRECT }), aFrontend([], { options: DIRECT })];
  assert.deepEqual(unheededOptions('nftables', frontends), [
    'direct server return is asked for: nftables has none and carries as usual',
  ]);
  const scheduled = [aFrontend([], { options: { ...NO_FRONTEND_OPTIONS, ipvsScheduler: 'lc' } })];
  assert.deepEqual(unheededOptions('ipvs', scheduled), []);
  assert.deepEqual(unheededOptions('ebpf', scheduled), [
    'scheduler lc is asked for: ebpf has none and carries as usual',
  ]);
});

test('unheededOptions() says who does not reach a frontend', () => {
  const frontends = [aFrontend([], { protocol: 'SCTP' }), aFrontend([])];
  assert.match(unheededOptions('ebpf', frontends).join(), /^SCTP: .*sockets of the node itself do not/);
  assert.deepEqual(unheededOptions('nftables', frontends), []);
});

test('unheededOptions() says where a heeded option does not apply, and nothing while nobody carries', () => {
  const frontends = [
    aFrontend([], { options: DIRECT, scope: 'load-balancer', direct: aChoice() }),
    aFrontend([], { options: DIRECT, scope: 'node-port', ip: parseIp('192.0.2.9') }),
  ];
  assert.deepEqual(unheededOptions('ebpf', frontends), [
    'direct server return does not apply to node-port 192.0.2.9: carried as usual',
  ]);
  assert.deepEqual(unheededOptions(undefined, frontends), []);
  assert.deepEqual(unheededOptions('ebpf', [aFrontend([])]), []);
});
