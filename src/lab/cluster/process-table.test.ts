// What the cluster's settings come to in the configuration of its processes.

import { NODE_LOCAL_DNS } from '../../base/node-local-dns.ts';
import type { DnsConfigFile } from '../../dns/config.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAgentConfig, type AgentConfigFile } from '../../agent/config.ts';
import { parseCidr } from '../../base/cidr.ts';
import { pathRoots } from '../../base/paths.ts';
import { makeClusterConfig } from './cluster-config.ts';
import { processTable } from './process-table.ts';

const CHOICE = { name: 'a', nodeCount: 2, network: 'vxlan', index: 0 } as const;
const INSTALLATION = {
  objectDir: '/bpf',
  cniProgram: '/cni',
  runProgram: '/run',
  program: '/fairlead',
  home: '/',
};

function agentConfigs(of: object): readonly ReturnType<typeof parseAgentConfig>[] {
  // As they go through the settings' file and the agents'.
  const cluster = JSON.parse(JSON.stringify(makeClusterConfig({ ...CHOICE, ...of }))) as ReturnType<
    typeof makeClusterConfig
  >;
  return processTable(cluster, pathRoots('/cgroup'), INSTALLATION)
    .filter((it) => it.command === 'agent')
    .map((it) => parseAgentConfig(JSON.parse(JSON.stringify(it.config))));
}

test('agents get what the cluster says of Services', () => {
  const nodePortAddresses = [parseCidr('10.89.0.0/24')];
  const settings = { nodePortAddresses, allowsExternalIps: true, iptablesFlavour: 'legacy' };
  const configs = agentConfigs(settings);
  assert.equal(configs.length, 2);
  for (const config of configs) assert.deepEqual({ ...config, ...settings }, config);
});

test('nodes answer names at the node-local addresses where the cluster says so', () => {
  for (const [hasNodeLocalDns, ips] of [
    [true, NODE_LOCAL_DNS],
    [undefined, []],
  ] as const) {
    const cluster = makeClusterConfig({ ...CHOICE, hasNodeLocalDns });
    const table = processTable(cluster, pathRoots('/cgroup'), INSTALLATION);
    const configs = table.filter((it) => it.name === 'dns-node-1' || it.name === 'agent-node-1');
    const [agent, dns] = ['agent', 'dns'].map((it) => configs.find(({ command }) => command === it)?.config);
    assert.deepEqual((agent as AgentConfigFile).nodeLocalDnsIps, ips);
    assert.deepEqual((dns as DnsConfigFile).listen, [...cluster.dnsIps, ...ips]);
  }
});

test('agents decide themselves what the cluster leaves open', () => {
  const [config] = agentConfigs({});
  assert.deepEqual(
    [config?.nodePortAddresses, config?.allowsExternalIps, config?.iptablesFlavour],
    [[], false, undefined],
  );
});
