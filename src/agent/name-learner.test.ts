// Names learned from a DNS process: when an answer is let go, what is kept over a restart, and when an address is forgotten.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { anAddress } from '../../test/support/dns-messages.ts';
import { eventually } from '../../test/support/eventually.ts';
import { FLOW_REST } from '../../test/support/tracked-flow.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { openLearnServer } from '../dns/learn-server.ts';
import { NameGate } from '../dns/name-gate.ts';
import type { TrackedFlow } from '../wire/netlink/conntrack.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import type { AgentContext } from './agent-context.ts';
import { parseAgentConfig } from './config.ts';
import { startNameLearner, type NameLearner } from './name-learner.ts';

const GRACE_MS = 600;
const IP = '192.0.2.1';

let folder = '';
let lifetime = new Lifetime('learner test');
let gate: NameGate;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 't-learner-'));
  lifetime = new Lifetime('learner test');
  gate = new NameGate({ clock: systemClock, signal: lifetime.signal });
  const ignore = (): void => undefined;
  await openLearnServer(path.join(folder, 'learn.sock'), gate, lifetime, {
    onWatched: ignore,
    onConnected: ignore,
    onError: ignore,
  });
});

afterEach(async () => {
  await lifetime.close();
  rmSync(folder, { recursive: true });
});

interface Rig {
  readonly learner: NameLearner;
  readonly metrics: Registry;
  /** What the kernel has, and the flows that it tracks. */
  readonly kernel: { isProgrammed: boolean; flows: readonly TrackedFlow[] | Error; listMs: number };
  /** How often addresses were said to have other names. */
  readonly changes: () => number;
}

function aContext(own: Lifetime, metrics: Registry): AgentContext {
  const paths = Object.fromEntries(
    ['kubeconfig', 'runDir', 'pinDir', 'objectDir', 'cniSocket', 'agentSocket'].map((it) => [it, '/x']),
  );
  const config = parseAgentConfig({
    ...paths,
    nodeName: 'a',
    clusterDomain: 'cluster.local',
    stateDir: folder,
    learnSocket: path.join(folder, 'learn.sock'),
    learnedGraceMs: GRACE_MS,
  });
  return {
    config,
    log: pino({ level: 'silent' }),
    clock: systemClock,
    random: Math.random,
    metrics,
    lifetime: own,
    collectGarbage: () => undefined,
    fail: (error) => assert.fail(String(error)),
  };
}

function aRig(own = lifetime): Rig {
  const kernel: Rig['kernel'] = { isProgrammed: true, flows: [], listMs: 0 };
  let changes = 0;
  const metrics = new Registry();
  const learner = startNameLearner(aContext(own, metrics), {
    conntrack: {
      list: async (filter) => {
        await systemClock.sleep(kernel.listMs);
        if (kernel.flows instanceof Error) throw kernel.flows;
        return kernel.flows.filter(filter);
      },
    },
    isProgrammed: () => kernel.isProgrammed,
    onChanged: () => changes++,
  });
  assert.ok(learner);
  return { learner, metrics, kernel, changes: () => changes };
}

async function watching(learner: NameLearner): Promise<void> {
  learner.watch(['*.example.com']);
  await eventually(() => learner.status().isCurrent);
}

/** Resolves when the answer may be sent. */
async function answer(name: string, ttlS: number, ip = IP): Promise<void> {
  const question = { name: parseDnsName(name), typeCode: 1, classCode: 1 };
  const answers = [anAddress(name, ttlS, ip)];
  await gate.observe({ client: parseIp('10.244.0.1'), question, rcode: 0, answers });
}

function aFlow(isOver: boolean): TrackedFlow {
  const [source, destination] = [parseIp('10.244.0.1'), parseIp(IP)];
  return {
    family: 4,
    protocol: 6,
    original: { source, destination, sourcePort: 40_000, destinationPort: 443 },
    reply: { source: destination, destination: source, sourcePort: 443, destinationPort: 40_000 },
    ...FLOW_REST,
    isOver,
  };
}

test('startNameLearner() lets an answer go when the kernel has its address', async () => {
  const { learner, kernel, changes, metrics } = aRig();
  await watching(learner);
  kernel.isProgrammed = false;
  let isSent = false;
  const sent = answer('www.example.com', 60).then(() => (isSent = true));
  await eventually(() => changes() === 1);
  assert.deepEqual(learner.source.names.get(parseIp(IP)), new Set(['www.example.com']));
  assert.equal(isSent, false);
  learner.programmed();
  await sent;
  const [known] = learner.list();
  assert.deepEqual(
    [known?.name, known?.ip, known?.patterns, known?.isInUse],
    ['www.example.com', IP, ['*.example.com'], false],
  );
  assert.ok(Math.abs((known?.untilMs ?? 0) - Date.now() - 60_000 - GRACE_MS) < 30_000);
  assert.match(await metrics.metrics(), /fairlead_learned_addresses 1\n[^]*fairlead_learned_answers_total 1/);
});

test('startNameLearner() forgets an address when its time is over', async () => {
  const { learner, changes } = aRig();
  await watching(learner);
  await answer('www.example.com', 0);
  await eventually(() => learner.status().addresses === 0);
  assert.equal(changes(), 2);
  assert.equal(learner.source.names.size, 0);
});

for (const { name, flows } of [
  { name: 'connections to it stand', flows: [aFlow(false)] },
  { name: 'nobody can say whether connections stand', flows: new Error('no') },
])
  test(`startNameLearner() keeps an address over its time where ${name}`, async () => {
    const { learner, kernel } = aRig();
    await watching(learner);
    kernel.flows = flows;
    await answer('www.example.com', 0);
    await eventually(() => learner.list()[0]?.isInUse === true);
  });

test('startNameLearner() keeps an address whose time is over while the connections of another one are looked for', async () => {
  const { learner, kernel } = aRig();
  await watching(learner);
  kernel.flows = [aFlow(false)];
  kernel.listMs = GRACE_MS;
  await answer('first.example.com', 0, '192.0.2.2');
  await systemClock.sleep(GRACE_MS / 2);
  await answer('second.example.com', 0);
  await eventually(() => learner.list().every((it) => it.ip === IP));
  await eventually(() => learner.list()[0]?.isInUse === true);
});

test('startNameLearner() does not count connections that are over', async () => {
  const { learner, kernel } = aRig();
  await watching(learner);
  kernel.flows = [aFlow(true)];
  await answer('www.example.com', 0);
  await eventually(() => learner.status().addresses === 0);
});

test('startNameLearner() begins with what was known at the end of the one before', async () => {
  const first = new Lifetime('first');
  const before = aRig(first);
  await watching(before.learner);
  await answer('www.example.com', 60);
  assert.match(
    readFileSync(path.join(folder, 'learned-names'), 'utf8'),
    /^\["www\.example\.com","192\.0\.2\.1",\d+\]\n$/,
  );
  const [known] = before.learner.list();
  await first.close();
  const { learner } = aRig();
  assert.deepEqual(learner.source.takeChanged(), new Set([IP]));
  const [again] = learner.list();
  assert.ok(Math.abs((again?.untilMs ?? 0) - (known?.untilMs ?? 0)) < 5_000);
});

test('startNameLearner() learns nothing where no DNS process is named', () => {
  const context = aContext(lifetime, new Registry());
  const config = { ...context.config, learnSocket: undefined };
  const doors = {
    conntrack: { list: () => Promise.resolve([]) },
    isProgrammed: () => true,
    onChanged: () => undefined,
  };
  assert.equal(startNameLearner({ ...context, config }, doors), undefined);
});
