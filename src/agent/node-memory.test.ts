import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { parseCidr } from '../base/cidr.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import type { NetworkNode } from '../model/network.ts';
import type { AgentContext } from './agent-context.ts';
import { parseAgentConfig } from './config.ts';
import { NodeMemory } from './node-memory.ts';

const UNDERLAY = { link: 'eth0', mtuBytes: 1500, local: parseIp('10.89.1.11') };

function aNode(podCidrs: readonly string[]): NetworkNode {
  const addresses = [parseIp('10.89.1.11')];
  return { name: 'a', addresses, podCidrs: podCidrs.map(parseCidr), labels: new Map() };
}

function aContext(t: TestContext): AgentContext {
  const stateDir = mkdtempSync(`${tmpdir()}/t-memory-`);
  t.after(() => rmSync(stateDir, { recursive: true }));
  const paths = { runDir: '/n', pinDir: '/n', objectDir: '/n', cniSocket: '/n', agentSocket: '/n' };
  const raw = { ...paths, nodeName: 'a', kubeconfig: '/n', stateDir, clusterDomain: 'cluster.local' };
  return {
    config: parseAgentConfig(raw),
    log: pino({ level: 'silent' }),
    clock: systemClock,
    random: Math.random,
    metrics: new Registry(),
    lifetime: new Lifetime('test'),
    collectGarbage: () => undefined,
    fail: (error) => assert.fail(String(error)),
  };
}

test('NodeMemory keeps what was learnt for the next agent', async (t) => {
  const context = aContext(t);
  const memory = await NodeMemory.open(context);
  assert.equal(memory.network, undefined);
  memory.learn(aNode(['10.244.1.0/24', 'fd00:10:244:1::/64']), UNDERLAY);
  const expected = {
    podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    mtuBytes: 1450,
    nodeIps: ['10.89.1.11'],
  };
  assert.deepEqual(memory.network, expected);
  assert.deepEqual((await NodeMemory.open(context)).network, expected);
  assert.deepEqual(readdirSync(context.config.stateDir), ['node.json']);
});

test('NodeMemory keeps what it knows while the node is unknown or without prefix', async (t) => {
  const memory = await NodeMemory.open(aContext(t));
  memory.learn(aNode(['10.244.1.0/24']), UNDERLAY);
  memory.learn(aNode([]), UNDERLAY);
  memory.learn(undefined, UNDERLAY);
  memory.learn(aNode(['10.244.2.0/24']), undefined);
  assert.deepEqual(memory.network?.podCidrs, ['10.244.1.0/24']);
});

for (const text of [
  '',
  '{"podCidrs":["10.244.1.0/24"]',
  '{"podCidrs":["no"],"mtuBytes":1450,"nodeIps":[]}',
]) {
  test(`NodeMemory takes a file that cannot be read for none: ${text}`, async (t) => {
    const context = aContext(t);
    writeFileSync(`${context.config.stateDir}/node.json`, text);
    assert.equal((await NodeMemory.open(context)).network, undefined);
  });
}
