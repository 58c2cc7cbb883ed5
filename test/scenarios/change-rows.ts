// Services while their endpoints come and go: nothing is lost, nothing stays pointed at what is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';
import type { Prober } from './prober-client.ts';
import type { Ask } from './prober-types.ts';

const COMES_BACK_MS = 2000;

export function changeRows(world: () => World): void {
  scaleRows(world);
  rollingRow(world);
  terminatingRow(world);
}

interface Socket {
  readonly name: string;
  readonly prober: Prober;
  readonly number: number;
}

/** UDP sockets to Service "scale" from everywhere, connected and not, in both families; each has had an answer. */
async function openSockets(world: World): Promise<readonly Socket[]> {
  const { first, raw, onNodes, hostNetworkPod } = world;
  const probers = [first.prober, raw, onNodes[0] as Prober, hostNetworkPod];
  // Connected sockets of a node itself are bound to one endpoint for good (README of service-ebpf, limits).
  const canConnect = (prober: Prober): boolean => prober === first.prober || prober === raw;
  const wanted = probers.flatMap((prober) =>
    FAMILIES.flatMap((family) =>
      (canConnect(prober) ? [true, false] : [false]).map((isConnected) => ({ prober, family, isConnected })),
    ),
  );
  return Promise.all(
    wanted.map(async ({ prober, family, isConnected }) => {
      const host = world.service('scale')[family];
      const number = await prober.request('hold', { kind: 'udp', host, port: 81, isConnected });
      return { name: `${prober.name} IPv${family} ${isConnected ? '' : 'un'}connected`, prober, number };
    }),
  );
}

function scaleRows(world: () => World): void {
  test('a Service scaled to nothing and back: sockets that were open before find the new endpoint', async () => {
    const sockets = await openSockets(world());
    const [old] = world().pods('app=scale');
    for (const socket of sockets) await assertSays(socket, old?.name ?? '', 1000);
    world().kubectl('-n', 'net', 'scale', 'deploy/scale', '--replicas=0');
    await eventuallyRefused(world(), 'scale');
    world().kubectl('-n', 'net', 'scale', 'deploy/scale', '--replicas=1');
    world().kubectl('-n', 'net', 'rollout', 'status', 'deploy/scale', '--timeout=30s');
    const fresh = await eventuallyAnswers(world(), 'scale');
    assert.notEqual(fresh, old?.name);
    const lost: string[] = [];
    await Promise.all(
      sockets.map((socket) =>
        assertSays(socket, fresh, COMES_BACK_MS).catch((error: unknown) =>
          lost.push(`${socket.name}: ${String(error)}`),
        ),
      ),
    );
    assert.deepEqual(lost, []);
  });
}

async function assertSays(socket: Socket, text: string, withinMs: number): Promise<void> {
  await eventually(async () => {
    const said = { socket: socket.number, say: 'hostname', timeoutMs: 250 };
    const answer = await socket.prober.request('say', said);
    assert.equal(answer.text ?? answer.error, text, socket.name);
  }, withinMs);
}

function asks(world: World, service: string): readonly { readonly prober: Prober; readonly ask: Ask }[] {
  const { first, raw, onNodes } = world;
  return [first.prober, raw, onNodes[0] as Prober].flatMap((prober) =>
    FAMILIES.map((family: Family) => ({
      prober,
      ask: {
        kind: 'http',
        host: world.service(service)[family],
        port: 80,
        say: '/hostname',
        timeoutMs: 1000,
      } as const,
    })),
  );
}

async function eventuallyRefused(world: World, service: string): Promise<void> {
  await eventually(async () => {
    for (const { prober, ask } of asks(world, service)) {
      assert.equal((await prober.ask(ask)).error, 'ECONNREFUSED', prober.name);
    }
  }, 10_000);
}

/** The name that answers everywhere. */
async function eventuallyAnswers(world: World, service: string): Promise<string> {
  const names = new Set<string>();
  await eventually(async () => {
    names.clear();
    for (const { prober, ask } of asks(world, service)) {
      const answer = await prober.ask(ask);
      assert.ok(answer.text, `${prober.name}: ${answer.error}`);
      names.add(answer.text);
    }
  }, 5000);
  return [...names].join(' ');
}

function rollingRow(world: () => World): void {
  test('a rolling update loses no request, though nobody asks twice', async () => {
    const wanted = asks(world(), 'roll');
    const before = world()
      .pods('app=roll')
      .map((it) => it.name);
    const loads = await Promise.all(
      wanted.map(({ prober, ask }) => prober.request('load', { ask, everyMs: 25 })),
    );
    await sleep(300);
    world().kubectl('-n', 'net', 'rollout', 'restart', 'deploy/roll');
    world().kubectl('-n', 'net', 'rollout', 'status', 'deploy/roll', '--timeout=60s');
    await eventually(
      () =>
        world()
          .pods('app=roll')
          .every((it) => !before.includes(it.name)),
      20_000,
    );
    const tallies = await Promise.all(wanted.map(({ prober }, i) => prober.request('stop', loads[i] ?? 0)));
    for (const [i, tally] of tallies.entries()) {
      assert.deepEqual(tally.errors, {}, `${wanted[i]?.prober.name}: ${JSON.stringify(tally)}`);
      const now = world()
        .pods('app=roll')
        .map((it) => it.name);
      assert.ok(
        now.every((name) => (tally.texts[name] ?? 0) > 0),
        'the new pods were used',
      );
      assert.ok(
        before.every((name) => (tally.texts[name] ?? 0) > 0),
        'the old ones as well',
      );
    }
    assert.ok(tallies.reduce((sum, it) => sum + it.sent, 0) > 500);
  });
}

function terminatingRow(world: () => World): void {
  test('a terminating endpoint serves when nothing else is left, and nothing serves after it', async () => {
    await eventuallyAnswers(world(), 'slow');
    world().kubectl('-n', 'net', 'delete', 'pod', 'slow', '--wait=false');
    const isTerminating = (): boolean =>
      world()
        .kubectl(
          '-n',
          'net',
          'get',
          'endpointslices',
          '-l',
          'kubernetes.io/service-name=slow',
          '-o',
          'jsonpath={.items[*].endpoints[*].conditions.terminating}',
        )
        .includes('true');
    await eventually(isTerminating, 2000);
    await sleep(300);
    for (const { prober, ask } of asks(world(), 'slow')) {
      const answer = await prober.ask(ask);
      assert.equal(answer.text ?? answer.error, 'slow', prober.name);
    }
    await eventuallyRefused(world(), 'slow');
  });
}
