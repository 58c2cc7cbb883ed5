// What clients notice of changes: requests without a pause while objects, HAProxy's structure or its control change, and how many of them fail.

import { setTimeout as pause } from 'node:timers/promises';
import { askOnce } from '../../test/support/raw-client.ts';
import { startLoad, type LoadReport } from '../../test/support/steady-load.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as objects from './objects.ts';
import { HTTP_PORT, HTTPS_PORT, URLS } from './objects.ts';
import { ADDRESS, type World } from './world.ts';

/** Routes that are asked, and that change. */
const TARGETS = 8;
const MORE_PORT = 8080;

export interface Loss extends LoadReport {
  readonly what: string;
  readonly changes: number;
  readonly seconds: number;
  readonly reloads: number;
}

/** `seconds`: of the churn of endpoints. */
export async function* measureLosses(world: World, seconds: number): AsyncIterable<Loss> {
  yield await under(world, 'rolling update of endpoints', () => roll(world));
  yield await under(world, 'endpoints, 100 changes a second', () => churnEndpoints(world, seconds));
  yield await under(world, 'certificate', () => rotate(world));
  yield await under(world, 'a route moved between backends', () => moveRoutes(world));
  yield await under(world, 'weights', () => weigh(world));
  yield await under(world, 'a new port: reload', () => openPort(world));
  yield await under(world, 'control killed', () => killControl(world));
}

/** `change` gives how many there were. `restMs`: see `LoadOptions`. */
export async function under(
  world: World,
  what: string,
  change: () => Promise<number>,
  restMs = 0,
): Promise<Loss> {
  const targets = Array.from({ length: TARGETS }, (_, i) => ({
    host: objects.hostOf(i),
    path: objects.pathOf(i),
  }));
  const places = [
    { address: ADDRESS, port: HTTP_PORT },
    { address: ADDRESS, port: HTTPS_PORT, tlsName: objects.hostOf(0) },
  ];
  const before = await world.proxyProcesses();
  const load = startLoad({ places, targets, kept: 4, fresh: 2, restMs });
  const startMs = performance.now();
  await pause(200);
  let changes: number;
  try {
    changes = await change();
    await pause(300);
  } finally {
    await load.end();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const reloads = (await world.proxyProcesses()).reloads - before.reloads;
  return { what, changes, seconds, reloads, ...(await load.end()) };
}

function setEndpoints(world: World, service: number, numbers: readonly number[]): Promise<void> {
  const addresses = numbers.map((it) => objects.addressOf(service, it));
  const body = { endpoints: objects.endpoints(addresses) };
  return world.patch(URLS.slices, `${objects.serviceName(service)}-1`, body);
}

/** As a Deployment of two: one more, then one less, until all are others. */
async function roll(world: World): Promise<number> {
  const rounds = 10;
  for (let i = 0; i < rounds; i++) {
    await setEndpoints(world, 0, [i, i + 1, i + 2]);
    await pause(100);
    await setEndpoints(world, 0, [i + 1, i + 2]);
    await pause(100);
  }
  await setEndpoints(world, 0, [0, 1]);
  return rounds * 2 + 1;
}

/** Each has one endpoint that stays. What the API cannot take in time is not made up for. */
async function churnEndpoints(world: World, seconds: number): Promise<number> {
  const services = Math.min(20, objects.servicesOf(world.routes));
  const everyMs = 10;
  let changes = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    const round = Math.floor(changes / services);
    await setEndpoints(world, changes % services, round % 2 === 0 ? [0, 2 + (round % 20)] : [0]);
    changes++;
    const restMs = startMs + changes * everyMs - performance.now();
    if (restMs > 0) await pause(restMs);
  }
  for (let i = 0; i < services; i++) await setEndpoints(world, i, [0, 1]);
  return changes + services;
}

async function rotate(world: World): Promise<number> {
  const rounds = 10;
  for (let i = 0; i < rounds; i++) {
    const data = objects.secretData(world.certificates[i % 2 === 0 ? 1 : 0]);
    await world.patch(URLS.secrets, 'tls', { data });
    await pause(200);
  }
  return rounds;
}

function setWeights(world: World, route: number, weights: Readonly<Record<string, number>>): Promise<void> {
  return world.patch(URLS.routes, `r${route}`, { spec: { rules: objects.rules(route, weights) } });
}

/** To a backend of its own and back. */
async function moveRoutes(world: World): Promise<number> {
  const iterations = 20;
  for (let i = 0; i < iterations; i++) {
    await setWeights(world, 0, { [objects.serviceName(i % 2 === 0 ? 7 : 0)]: 1 });
    await pause(100);
  }
  return iterations;
}

async function weigh(world: World): Promise<number> {
  const iterations = 20;
  for (let i = 0; i < iterations; i++) {
    await setWeights(world, 0, { s0: i, s7: iterations - i });
    await pause(50);
  }
  await setWeights(world, 0, { s0: 1 });
  return iterations + 1;
}

async function openPort(world: World): Promise<number> {
  await world.patch(URLS.gateways, objects.GATEWAY, { spec: objects.gatewaySpec([MORE_PORT]) });
  const isOpen = async (): Promise<boolean> => {
    const asked = askOnce({ address: ADDRESS, port: MORE_PORT }, objects.hostOf(0), objects.pathOf(0));
    return asked.then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  await eventually(isOpen, 30_000);
  await world.patch(URLS.gateways, objects.GATEWAY, { spec: objects.gatewaySpec() });
  await eventually(async () => !(await isOpen()), 30_000);
  return 2;
}

/** And endpoints change meanwhile, which the new one has to find. */
async function killControl(world: World): Promise<number> {
  const before = world.controlPid();
  process.kill(before, 'SIGKILL');
  await setEndpoints(world, 0, [5]);
  const host = objects.hostOf(0);
  await eventually(async () => {
    const { body } = await askOnce({ address: ADDRESS, port: HTTP_PORT }, host, objects.pathOf(0));
    return body === objects.addressOf(0, 5) && world.controlPid() !== before;
  }, 60_000);
  await setEndpoints(world, 0, [0, 1]);
  return 2;
}
