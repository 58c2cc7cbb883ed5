import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAgentConfig } from './config.ts';

const LEAST = {
  nodeName: 'a',
  kubeconfig: '/k',
  runDir: '/r',
  stateDir: '/s',
  pinDir: '/p',
  objectDir: '/o',
  cniSocket: '/c',
  agentSocket: '/a',
  clusterDomain: 'cluster.local',
};

test('parseAgentConfig() fills in what is left out', () => {
  const config = parseAgentConfig(LEAST);
  assert.deepEqual(
    [config.network, config.underlayLink, config.resyncMs, config.logLevel, config.metrics, config.dnsSocket],
    ['vxlan', 'eth0', 60_000, 'info', undefined, undefined],
  );
  assert.equal(config.iptablesFlavour, undefined);
  assert.equal(parseAgentConfig({ ...LEAST, iptablesFlavour: 'legacy' }).iptablesFlavour, 'legacy');
});

const WRONG = [
  { name: 'no node', change: { nodeName: undefined }, message: /nodeName: must be a text/ },
  { name: 'prefix', change: { podCidrs: ['10.244.0.0'] }, message: /podCidrs\[0\]: Cannot read prefix/ },
  { name: 'network', change: { network: 'bgp' }, message: /network: only "vxlan"/ },
  {
    name: 'flavour',
    change: { iptablesFlavour: 'old' },
    message: /iptablesFlavour: must be one of "nft", "legacy"/,
  },
  { name: 'flows', change: { flowEntries: 0 }, message: /flowEntries: must be from 1024 to/ },
  {
    name: 'unknown map',
    change: { mapLimits: { flows: 64 } },
    message: /mapLimits\.flows: no such map that grows; there are service_addresses, /,
  },
  {
    name: 'map size',
    change: { mapLimits: { endpoints: 100 } },
    message: /mapLimits\.endpoints: must be a power of two from 64/,
  },
  { name: 'metrics port', change: { metrics: { host: '::1', port: 0 } }, message: /metrics\.port/ },
];

for (const row of WRONG) {
  test(`parseAgentConfig() names the field that is wrong: ${row.name}`, () => {
    assert.throws(() => parseAgentConfig({ ...LEAST, ...row.change }), row.message);
  });
}
