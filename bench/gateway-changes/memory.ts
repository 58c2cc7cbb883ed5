// What control and HAProxy hold, at rest and after a time of changes of all kinds, and how often HAProxy was reloaded meanwhile.

import { setTimeout as pause } from 'node:timers/promises';
import { under, type Loss } from './losses.ts';
import * as objects from './objects.ts';
import { URLS } from './objects.ts';
import { rssMb, type World } from './world.ts';

/** A load that may go on for an hour. */
const REST_MS = 10;

export interface Memory {
  readonly controlMb: number;
  readonly workerMb: number;
}

export async function memoryOf(world: World): Promise<Memory> {
  const [worker = 0] = (await world.proxyProcesses()).workers;
  return { controlMb: rssMb(world.controlPid()), workerMb: rssMb(worker) };
}

export interface ChurnTimes {
  readonly seconds: number;
  readonly everyMs: number;
}

/** Routes, endpoints, weights and the certificate in turn. */
export async function measureChurn(
  world: World,
  times: ChurnTimes,
): Promise<Loss & { readonly before: Memory; readonly after: Memory }> {
  const before = await memoryOf(world);
  const loss = await under(world, `churn of ${times.seconds} s`, () => churn(world, times), REST_MS);
  await pause(2000);
  return { ...loss, before, after: await memoryOf(world) };
}

async function churn(world: World, { seconds, everyMs }: ChurnTimes): Promise<number> {
  const startMs = performance.now();
  let changes = 0;
  while (performance.now() - startMs < seconds * 1000) {
    await change(world, changes++);
    const restMs = startMs + changes * everyMs - performance.now();
    if (restMs > 0) await pause(restMs);
  }
  return changes;
}

async function change(world: World, i: number): Promise<void> {
  const round = Math.floor(i / 4);
  const route = (round * 31) % world.routes;
  const services = objects.servicesOf(world.routes);
  const [own, other] = [objects.serviceOf(route), objects.serviceName((round * 7) % services)];
  const setRules = (weights: Readonly<Record<string, number>>): Promise<void> =>
    world.patch(URLS.routes, `r${route}`, { spec: { rules: objects.rules(route, weights) } });
  switch (i % 4) {
    case 0:
      return setRules({ [round % 2 === 0 ? other : own]: 1 });
    case 1:
      return setRules({ [own]: 1 + (round % 50), [`s${(round + 1) % services}`]: 10 });
    case 2: {
      const service = round % services;
      const addresses = [0, 1 + (round % 50)].map((it) => objects.addressOf(service, it));
      return world.patch(URLS.slices, `s${service}-1`, { endpoints: objects.endpoints(addresses) });
    }
    default: {
      const data = objects.secretData(world.certificates[round % 2 === 0 ? 0 : 1]);
      return world.patch(URLS.secrets, 'tls', { data });
    }
  }
}
