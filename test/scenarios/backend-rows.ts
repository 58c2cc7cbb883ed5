// A running cluster changes from each Service backend to each other: established connections live on, new ones never fail, and in the end
// nothing of the one that was left is there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SERVICE_BACKENDS, backendSupport } from '../../src/backends/registry.ts';
import { probeMachine } from '../../src/sys/probe.ts';
import { fairlead } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';
import type { Prober } from './prober-client.ts';
import type { Tally } from './prober-types.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));
const ANSWER_MS = 5_000;
/** The server closes a connection that says nothing for five seconds; a change takes longer where the machine is busy. */
const SAID_EVERY_MS = 1_000;
const LOAD_EVERY_MS = 20;
const GONE_MS = 30_000;

interface Client {
  readonly name: string;
  readonly prober: Prober;
}

/** A connection and a datagram socket that were open before the change. */
interface Open {
  readonly what: string;
  readonly prober: Prober;
  readonly tcp: number;
  readonly udp: number;
  /** Which endpoint the connection leads to. */
  readonly endpoint: string | undefined;
}

/** Those that this kernel carries, the default first. */
export async function backendsHere(): Promise<readonly string[]> {
  const answers = new Map((await probeMachine()).map((it) => [it.probe.name, it.support]));
  const carried = SERVICE_BACKENDS.filter((it) => backendSupport(it, answers).kind === 'yes');
  return carried.map((it) => it.name);
}

export function backendRows(world: () => World, names: readonly string[]): void {
  for (const [from, to] of changesBetween(names)) {
    test(`from ${from} to ${to}`, async () => {
      const clients = clientsOf(world());
      const open = await Promise.all(
        clients.flatMap((it) => FAMILIES.map((family) => openBefore(it, family, world()))),
      );
      const loads = await Promise.all(clients.map((it) => startLoad(it, world())));
      await setProxyUnder(open, world().cluster, to);
      const tallies = await Promise.all(loads.map((stop) => stop()));
      const failed = tallies.map(({ errors, sent }, i) => ({ from: clients[i]?.name, errors, sent }));
      assert.deepEqual(
        failed.filter((it) => Object.keys(it.errors).length > 0 || it.sent === 0),
        [],
        'new connections',
      );
      assertShownBy(world().cluster, to);
      for (const it of open) await assertLives(it);
      for (const { prober, tcp, udp } of open)
        for (const socket of [tcp, udp]) await prober.request('release', socket);
    });
  }
  test('what is left of the others is nothing, when their last flows have ended', async () => {
    await eventually(() => {
      const { stdout } = fairlead(['status', '--name', world().cluster, '-o', 'json']);
      const status = JSON.parse(stdout) as {
        readonly nodes: readonly {
          readonly engine: {
            readonly targets: readonly { name: string; observedCount?: number; desiredCount?: number }[];
          };
        }[];
      };
      const left = status.nodes.flatMap(({ engine }) =>
        engine.targets.filter((it) => it.name.startsWith('service-') && it.desiredCount === 0),
      );
      assert.ok(left.length > 0);
      assert.deepEqual(
        left.filter((it) => it.observedCount !== 0).map((it) => it.name),
        [],
      );
      return Promise.resolve();
    }, GONE_MS);
  });
}

/** Every ordered pair once, each beginning where the one before ended as far as that goes; begins and ends with the first name. */
function changesBetween(names: readonly string[]): readonly (readonly [string, string])[] {
  const [first] = names;
  if (first === undefined) return [];
  const left = new Set(
    names.flatMap((from) => names.filter((to) => to !== from).map((to) => `${from} ${to}`)),
  );
  const walk = (at: string): string[] => {
    for (const to of names) {
      if (!left.delete(`${at} ${to}`)) continue;
      return [...walk(to), at];
    }
    return [at];
  };
  // Hierholzer: where the walk closes early, a circuit through a name that has changes left is put in its place.
  let trail = walk(first).toReversed();
  while (left.size > 0) {
    const at = trail.findIndex((name) => [...left].some((it) => it.startsWith(`${name} `)));
    const detour = walk(trail[at] ?? first).toReversed();
    trail = [...trail.slice(0, at), ...detour, ...trail.slice(at + 1)];
  }
  return trail.slice(1).map((to, i) => [trail[i] ?? first, to] as const);
}

function clientsOf(world: World): readonly Client[] {
  const [onNode] = world.onNodes;
  assert.ok(onNode);
  return [
    { name: 'a pod', prober: world.first.prober },
    { name: 'a pod outside of the cgroup', prober: world.raw },
    { name: 'a node', prober: onNode },
    { name: 'a pod of the host’s network', prober: world.hostNetworkPod },
  ];
}

async function openBefore({ name, prober }: Client, family: Family, world: World): Promise<Open> {
  const host = world.service('web')[family];
  const tcp = await prober.request('hold', { kind: 'http', host, port: 80 });
  const udp = await prober.request('hold', { kind: 'udp', host, port: 81 });
  const first = await prober.request('say', { socket: tcp, say: '/hostname', timeoutMs: ANSWER_MS });
  const datagram = await prober.request('say', { socket: udp, say: 'hostname', timeoutMs: ANSWER_MS });
  assert.deepEqual([first.error, datagram.error], [undefined, undefined], `${name} by IPv${family}`);
  return { what: `${name} by IPv${family}`, prober, tcp, udp, endpoint: first.text };
}

/** `fairlead service show` tells the kernel of every node, whoever carries. */
function assertShownBy(cluster: string, backend: string): void {
  const { stdout, stderr, code } = fairlead(['service', 'show', 'net/web', '--name', cluster, '-o', 'json']);
  assert.equal(code, 0, stderr);
  const shown = JSON.parse(stdout) as {
    readonly nodes: readonly {
      readonly backend: string;
      readonly frontends: readonly { readonly state: string }[];
    }[];
  };
  const told = new Set(
    shown.nodes.flatMap((it) => it.frontends.map(({ state }) => `${it.backend} ${state}`)),
  );
  assert.deepEqual(told, new Set([`${backend} done`]));
}

async function assertLives({ what, prober, tcp, udp, endpoint }: Open): Promise<void> {
  const again = await prober.request('say', { socket: tcp, say: '/hostname', timeoutMs: ANSWER_MS });
  assert.deepEqual([again.text, again.error], [endpoint, undefined], `the connection of ${what}`);
  const datagram = await prober.request('say', { socket: udp, say: 'hostname', timeoutMs: ANSWER_MS });
  assert.equal(datagram.error, undefined, `the datagram socket of ${what}`);
}

async function startLoad({ prober }: Client, world: World): Promise<() => Promise<Tally>> {
  const host = world.service('web')[4];
  const load = await prober.request('load', {
    ask: { kind: 'http', host, port: 80, say: '/hostname', timeoutMs: ANSWER_MS },
    everyMs: LOAD_EVERY_MS,
  });
  return () => prober.request('stop', load);
}

/** Changes the backend while what is open goes on to be used. */
async function setProxyUnder(open: readonly Open[], cluster: string, name: string): Promise<void> {
  const ended = new AbortController();
  const change = promisify(execFile)(PROGRAM, ['set', `proxy=${name}`, '--name', cluster]);
  const using = (async () => {
    while (!ended.signal.aborted) {
      for (const it of open) await assertLives(it);
      await sleep(SAID_EVERY_MS);
    }
  })();
  await Promise.all([change.finally(() => ended.abort()), using]);
}

export function setProxy(cluster: string, name: string): void {
  const result = fairlead(['set', `proxy=${name}`, '--name', cluster]);
  assert.equal(result.code, 0, result.stderr + result.stdout);
}
