// Names as pods use them: through the C library with its search list, and record by record with dig.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { killProcess } from './cluster-process.ts';
import { FAMILIES, type World } from './network-world.ts';

const DOMAIN = 'net.svc.cluster.local';
const TYPES = { 4: 'A', 6: 'AAAA' } as const;
const SCALE = Number(process.env['FAIRLEAD_TIME_SCALE'] ?? 1);
/** Until a change of Services is seen by names, and until a dead DNS process answers again. */
const AT_ONCE_MS = 1000 * SCALE;
/** Two rounds of two seconds and the third that is cut short: what the DNS process gives an upstream in all. */
const FIRST_SILENCE_MS = 5500 * SCALE;
/** A cold start of a Node process on a machine that is busy with everything else of this suite. */
const RESTART_MS = 2500 * SCALE;

export function nameRows(world: () => World): void {
  serviceNames(world);
  headlessNames(world);
  absentNames(world);
  changingNames(world);
  outsideNames(world);
  killedServer(world);
}

/** The lines of `dig +short`, sorted. */
async function dig(world: World, ...question: readonly string[]): Promise<readonly string[]> {
  const output = await world.first.prober.run('dig', '+short', '+tries=1', '+time=3', ...question);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** "NOERROR 1": the code and the number of answers. */
async function status(world: World, ...question: readonly string[]): Promise<string> {
  const output = await world.first.prober.run('dig', '+tries=1', '+time=6', ...question);
  return `${/status: (\w+)/.exec(output)?.[1]} ${/ANSWER: (\d+)/.exec(output)?.[1]}`;
}

function serviceNames(world: () => World): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: short, qualified and full names of a Service all mean it, also for names with fewer dots than ndots`, async () => {
      const ip = world().service('web')[family];
      for (const name of ['web', 'web.net', 'web.net.svc', `web.${DOMAIN}`, `web.${DOMAIN}.`]) {
        for (const { prober } of world().probes) {
          const found = await prober.request('lookup', { name, family });
          assert.deepEqual({ ips: found.ips, error: found.error }, { ips: [ip], error: undefined }, name);
        }
      }
    });

    test(`IPv${family}: address, service and pointer records of a Service, by UDP and TCP`, async () => {
      const ip = world().service('web')[family];
      for (const transport of ['+notcp', '+tcp']) {
        for (const server of ['@10.96.0.10', '@fd00:10:96::a']) {
          assert.deepEqual(await dig(world(), transport, server, `web.${DOMAIN}`, TYPES[family]), [ip]);
          assert.deepEqual(await dig(world(), transport, server, '-x', ip), [`web.${DOMAIN}.`]);
        }
      }
    });
  }

  test('a named port has a service record; the search list serves dig as well', async () => {
    assert.deepEqual(await dig(world(), `_http._tcp.web.${DOMAIN}`, 'SRV'), [`0 100 80 web.${DOMAIN}.`]);
    assert.deepEqual(await dig(world(), `_talk._udp.web.${DOMAIN}`, 'SRV'), [`0 100 81 web.${DOMAIN}.`]);
    assert.deepEqual(await dig(world(), '+search', 'web', 'A'), [world().service('web')[4]]);
    assert.deepEqual(await dig(world(), 'kubernetes.default.svc.cluster.local', 'A'), ['10.96.0.1']);
  });
}

function headlessNames(world: () => World): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: a headless Service is its pods, each with the name of its StatefulSet`, async () => {
      const pods = world().pods('app=db');
      const ips = pods.map((it) => it.ips[family]).sort();
      assert.deepEqual(await dig(world(), `db.${DOMAIN}`, TYPES[family]), ips);
      assert.deepEqual(
        [...(await world().first.prober.request('lookup', { name: 'db', family })).ips].sort(),
        ips,
      );
      for (const pod of pods) {
        assert.deepEqual(await dig(world(), `${pod.name}.db.${DOMAIN}`, TYPES[family]), [pod.ips[family]]);
        assert.deepEqual(await dig(world(), '-x', pod.ips[family]), [`${pod.name}.db.${DOMAIN}.`]);
        const at = { kind: 'http', host: `${pod.name}.db`, port: 8080, say: '/hostname' } as const;
        for (const { prober } of world().probes) assert.equal((await prober.ask(at)).text, pod.name);
      }
    });
  }

  test('a pod that is not ready has its address behind the name of a headless Service that wants it, and none else', async () => {
    const [pod] = world().pods('app=early');
    for (const family of FAMILIES) {
      const early = await world().first.prober.request('lookup', { name: 'early-names', family });
      assert.deepEqual(early.ips, [pod?.ips[family]]);
      assert.deepEqual(await dig(world(), `late-names.${DOMAIN}`, TYPES[family]), []);
    }
  });

  test('its service records name the pods', async () => {
    const records = await dig(world(), `_http._tcp.db.${DOMAIN}`, 'SRV');
    // Priority and weight are the server's choice; the same for all, so that all are used.
    assert.equal(new Set(records.map((it) => it.split(' ').slice(0, 2).join(' '))).size, 1);
    assert.deepEqual(
      records.map((it) => it.split(' ').slice(2).join(' ')),
      ['db-0', 'db-1'].map((pod) => `8080 ${pod}.db.${DOMAIN}.`),
    );
  });

  test('an ExternalName within the cluster leads to what it names', async () => {
    const web = world().service('web');
    assert.deepEqual(await dig(world(), `alias.${DOMAIN}`, 'CNAME'), [`web.${DOMAIN}.`]);
    for (const family of FAMILIES) {
      const found = await world().first.prober.request('lookup', { name: 'alias', family });
      assert.deepEqual(found.ips, [web[family]]);
      assert.ok((await dig(world(), `alias.${DOMAIN}`, TYPES[family])).includes(web[family]));
    }
  });
}

function absentNames(world: () => World): void {
  test('a name that is not there is told apart from one without such a record', async () => {
    const rows = {
      [`nothing.${DOMAIN} A`]: 'NXDOMAIN 0',
      [`nothing.${DOMAIN} AAAA`]: 'NXDOMAIN 0',
      'web.nowhere.svc.cluster.local A': 'NXDOMAIN 0',
      [`web.${DOMAIN} MX`]: 'NOERROR 0',
      'kubernetes.default.svc.cluster.local AAAA': 'NOERROR 0',
      [`${DOMAIN} A`]: 'NOERROR 0',
      [`_nothing._tcp.web.${DOMAIN} SRV`]: 'NXDOMAIN 0',
    };
    const found: Record<string, string> = {};
    for (const question of Object.keys(rows)) found[question] = await status(world(), ...question.split(' '));
    assert.deepEqual(found, rows);
    const missing = await world().first.prober.request('lookup', { name: `nothing.${DOMAIN}.`, family: 0 });
    assert.equal(missing.error, 'ENOTFOUND');
  });
}

function changingNames(world: () => World): void {
  test('a new Service has its name within a second on every node, a deleted one none', async (t) => {
    const name = 'fleeting';
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'net' },
      spec: { ports: [{ port: 80 }] },
    };
    const wait = async (isThere: boolean): Promise<number> => {
      const startMs = performance.now();
      const answers = world().probes.map(({ prober }) =>
        eventually(async () => {
          const found = await prober.request('lookup', { name, family: 0 });
          assert.equal(found.ips.length > 0, isThere, prober.name);
        }, AT_ONCE_MS),
      );
      await Promise.all(answers);
      return Math.round(performance.now() - startMs);
    };
    // Somebody asked before: what is remembered of a name that was not there must not stand in the way.
    await wait(false);
    world().apply(JSON.stringify(service));
    t.diagnostic(`there after ${await wait(true)} ms`);
    world().kubectl('-n', 'net', 'delete', 'service', name);
    t.diagnostic(`gone after ${await wait(false)} ms`);
  });
}

function outsideNames(world: () => World): void {
  test("a name of the outside goes to the machine's nameservers; where those are silent pods hear so soon, and of the cluster's names at once", async (t) => {
    const ask = async (name: string): Promise<{ readonly code: string; readonly ms: number }> => {
      const startMs = performance.now();
      const code = (await status(world(), name, 'A')).split(' ')[0] ?? '';
      return { code, ms: Math.round(performance.now() - startMs) };
    };
    const asked: { readonly code: string; readonly ms: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const [outside, inside] = await Promise.all([ask(`x${i}.outside.test`), ask(`web.${DOMAIN}`)]);
      asked.push(outside);
      assert.ok(inside.code === 'NOERROR' && inside.ms < AT_ONCE_MS, JSON.stringify(inside));
    }
    t.diagnostic(asked.map(({ code, ms }) => `${code} ${ms} ms`).join(', '));
    // The machine's own nameservers may be there or not; ".test" (RFC 6761) is nobody's.
    for (const { code } of asked) assert.match(code, /^(SERVFAIL|NXDOMAIN)$/);
    assert.ok((asked[0]?.ms ?? Infinity) < FIRST_SILENCE_MS);
    assert.ok((asked.at(-1)?.ms ?? Infinity) < AT_ONCE_MS, 'who was silent is not waited for again');
  });
}

function killedServer(world: () => World): void {
  test('a DNS process that dies under load is back in a moment; other nodes notice nothing', async (t: TestContext) => {
    const { cluster, probes } = world();
    const ask = { kind: 'dns', host: `web.${DOMAIN}`, port: 53, say: '' } as const;
    const loads = await Promise.all(probes.map(({ prober }) => prober.request('load', { ask, everyMs: 20 })));
    await sleep(500);
    const restartedMs = await killProcess(cluster, 'dns-node-1');
    await eventually(async () => {
      assert.equal((await probes[0]?.prober.ask(ask))?.text, world().service('web')[4]);
    }, RESTART_MS);
    await sleep(500);
    const [own, ...others] = await Promise.all(
      probes.map(({ prober }, i) => prober.request('stop', loads[i] ?? 0)),
    );
    const failed = Object.values(own?.errors ?? {}).reduce((sum, it) => sum + it, 0);
    t.diagnostic(
      `started again after ${restartedMs} ms, silent for ${own?.longestGapMs} ms, ${failed} of ${own?.sent} questions failed`,
    );
    assert.ok((own?.longestGapMs ?? Infinity) < RESTART_MS);
    for (const tally of others) assert.deepEqual(tally.errors, {});
    for (const tally of [own, ...others]) {
      assert.deepEqual(Object.keys(tally?.texts ?? {}), [world().service('web')[4]], 'no wrong answer');
    }
  });
}
