// What the cluster's settings come to in the configuration of its processes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAgentConfig } from '../../agent/config.ts';
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

test('agents decide themselves what the cluster leaves open', () => {
  const [config] = agentConfigs({});
  assert.deepEqual(
    [config?.nodePortAddresses, config?.allowsExternalIps, config?.iptablesFlavour],
    [[], false, undefined],
  );
});
