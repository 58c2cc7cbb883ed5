// What the runtime does to pods, as the network shows it: probes, termination, resolv.conf, exec, files.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type World } from './network-world.ts';

const PROBE_MS = 6000;
const FILES_MS = 20_000;

export function runtimeRows(world: () => World): void {
  probeRows(world);
  resolvConfRows(world);
  execRow(world);
  configMapRow(world);
}

/** What the Service of the pod "moody" says from inside and outside of the cgroup, in both families: one text if all agree. */
async function moodyService(world: World): Promise<string> {
  const texts = new Set<string>();
  for (const family of FAMILIES) {
    for (const prober of [world.first.prober, world.raw]) {
      const answer = await prober.ask({
        kind: 'http',
        host: world.service('moody')[family],
        port: 80,
        say: '/hostname',
      });
      texts.add(answer.text ?? answer.error ?? '');
    }
  }
  return [...texts].join(' ');
}

async function eventuallySays(world: World, text: string): Promise<void> {
  await eventually(async () => assert.equal(await moodyService(world), text), PROBE_MS);
}

function moodyState(world: World): { readonly restarts: number; readonly waiting: string } {
  const text = world.kubectl('-n', 'net', 'get', 'pod', 'moody', '-o',
    'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].state.waiting.reason}'); // prettier-ignore
  const [restarts = '', waiting = ''] = text.split(' ');
  return { restarts: Number(restarts), waiting };
}

function probeRows(world: () => World): void {
  test('a pod whose readiness probe fails leaves its Service and comes back to it', async () => {
    const [pod] = world().pods('app=moody');
    assert.ok(pod);
    const prober = await world().podProber(pod);
    await eventuallySays(world(), 'moody');
    await prober.request('health', { isReady: false });
    await eventuallySays(world(), 'ECONNREFUSED');
    await prober.request('health', { isReady: true });
    await eventuallySays(world(), 'moody');
    assert.equal(moodyState(world()).restarts, 0);
  });

  test('a container whose liveness probe fails is started again at once, and a second time only after a pause', async () => {
    const [pod] = world().pods('app=moody');
    assert.ok(pod);
    for (const restarts of [1, 2]) {
      const prober = await world().podProber(pod);
      await prober.request('health', { isLive: false });
      await eventually(() => {
        const state = moodyState(world());
        assert.ok(state.restarts === restarts || state.waiting === 'CrashLoopBackOff', JSON.stringify(state));
      }, PROBE_MS);
      if (moodyState(world()).waiting === 'CrashLoopBackOff') break;
      await eventuallySays(world(), 'moody');
    }
    const { restarts, waiting } = moodyState(world());
    assert.deepEqual({ restarts, waiting }, { restarts: 1, waiting: 'CrashLoopBackOff' });
    await eventuallySays(world(), 'ECONNREFUSED');
  });
}

function resolvConfRows(world: () => World): void {
  const resolvConf = (pod: string): readonly string[] =>
    world()
      .kubectl('-n', 'net', 'exec', pod, '--', 'cat', '/etc/resolv.conf')
      .split('\n')
      .filter((line) => line !== '');

  test('the resolv.conf of a pod is what its policy says', () => {
    const cluster = [
      'search net.svc.cluster.local svc.cluster.local cluster.local',
      'nameserver 10.96.0.10',
      'nameserver fd00:10:96::a',
      'options ndots:5',
    ];
    const host = readFileSync('/etc/resolv.conf', 'utf8').split('\n');
    const searches = host.filter((line) => line.startsWith('search ')).map((line) => ` ${line.slice(7)}`);
    const withHost = [`${cluster[0]}${searches.at(-1) ?? ''}`, ...cluster.slice(1)];
    const hostServers = host.filter((line) => line.startsWith('nameserver ')).slice(0, 3);
    assert.deepEqual(resolvConf(world().first.name), withHost);
    assert.deepEqual(resolvConf('on-node'), withHost);
    assert.deepEqual(resolvConf('dns-none'), [
      'search example.test',
      'nameserver 192.0.2.53',
      'options ndots:2',
    ]);
    for (const pod of ['dns-default', 'on-node-default']) {
      assert.deepEqual(
        resolvConf(pod).filter((line) => line.startsWith('nameserver ')),
        hostServers,
        pod,
      );
      assert.ok(!resolvConf(pod).some((line) => line.includes('cluster.local')), pod);
    }
  });

  test("a pod on its node's network with ClusterFirstWithHostNet finds Services by name", async () => {
    for (const family of FAMILIES) {
      const found = await world().hostNetworkPod.request('lookup', { name: 'web', family });
      assert.deepEqual(found.ips, [world().service('web')[family]]);
    }
  });
}

function execRow(world: () => World): void {
  test('what kubectl exec runs is in the pod: cgroup, network, names', () => {
    const { first } = world();
    for (const container of ['prober', 'server']) {
      const exec = (...line: readonly string[]): string =>
        world().kubectl('-n', 'net', 'exec', first.name, '-c', container, '--', ...line);
      const unified =
        exec('cat', '/proc/self/cgroup')
          .split('\n')
          .find((line) => line.startsWith('0::')) ?? '';
      assert.ok(unified.includes(`/${world().cluster}/${first.node}/${first.uid}`), unified);
      for (const family of FAMILIES) {
        assert.ok(
          exec('ip', '-o', `-${family}`, 'addr', 'show', 'dev', 'eth0').includes(`${first.ips[family]}/`),
        );
        const served = exec('curl', '-s', '--max-time', '5', `-${family}`, 'http://web/hostname');
        assert.match(served, /^web-/);
      }
    }
  });
}

function configMapRow(world: () => World): void {
  test('a ConfigMap that changes reaches the file of a running pod', async () => {
    const colour = (): Promise<string> => world().first.prober.run('cat', '/settings/colour');
    const wanted = (await colour()) === 'blue' ? 'green' : 'blue';
    world().kubectl(
      '-n',
      'net',
      'patch',
      'configmap',
      'settings',
      '-p',
      JSON.stringify({ data: { colour: wanted } }),
    );
    await eventually(async () => assert.equal(await colour(), wanted), FILES_MS);
  });
}
