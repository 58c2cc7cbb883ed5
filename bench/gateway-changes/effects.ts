// How long it takes from a change of an object, as its writer sends it, until requests through the proxy meet it.

import { RawConnection } from '../../test/support/raw-client.ts';
import * as objects from './objects.ts';
import { URLS } from './objects.ts';
import { ADDRESS, cpuMs, type World } from './world.ts';

export interface Effect {
  readonly what: string;
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of control, for one change and its statuses: what is left of the figures where others have the machine. */
  readonly controlCpuMs: number;
}

const TIMEOUT_MS = 20_000;

/** Each kind of change so many times, one after the other, each on a route of its own. */
export async function* measureEffects(world: World, changes: number): AsyncIterable<Effect> {
  const prober = new Prober();
  const steps: readonly (readonly [string, (i: number) => Promise<number>])[] = [
    ['backend of a route', (i) => moveRoute(world, prober, i)],
    ['endpoint added', (i) => changeEndpoints(world, prober, i, 3)],
    ['endpoint removed', (i) => changeEndpoints(world, prober, i, 2)],
    ['weights of a route', (i) => weigh(world, prober, i)],
    ['certificate', (i) => rotate(world, prober, i)],
  ];
  for (const [what, step] of steps) {
    const times: number[] = [];
    const startMs = cpuMs(world.controlPid());
    for (let i = 0; i < changes; i++) {
      times.push(await step(i));
      // Statuses of the one change are not to be in the way of the next.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const controlCpuMs = (cpuMs(world.controlPid()) - startMs) / changes;
    yield { what, changes, ...quantiles(times), controlCpuMs };
  }
  prober.close();
}

function quantiles(times: readonly number[]): Pick<Effect, 'p50Ms' | 'p99Ms'> {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Spread over all of them; an endpoint that is added is taken away again by the same number. */
function routeOf({ routes }: World, i: number): number {
  return (i * 97) % routes;
}

async function moveRoute(world: World, prober: Prober, i: number): Promise<number> {
  const route = routeOf(world, i);
  const to = (Math.floor(route / 5) + 1) % objects.servicesOf(world.routes);
  return prober.time(
    () =>
      world.patch(URLS.routes, `r${route}`, {
        spec: { rules: objects.rules(route, { [objects.serviceName(to)]: 1 }) },
      }),
    async () => isOf(to, await prober.ask(route)),
  );
}

function isOf(service: number, address: string): boolean {
  return [0, 1].some((it) => objects.addressOf(service, it) === address);
}

async function changeEndpoints(world: World, prober: Prober, i: number, count: number): Promise<number> {
  // A route that no other change has touched, and its Service.
  const service = (i * 13 + 2) % objects.servicesOf(world.routes);
  const route = (service * 5 + 1) % world.routes;
  const addresses = [0, 1, 2].slice(0, count).map((it) => objects.addressOf(service, it));
  const third = objects.addressOf(service, 2);
  return prober.time(
    () =>
      world.patch(URLS.slices, `${objects.serviceName(service)}-1`, {
        endpoints: objects.endpoints(addresses),
      }),
    async () => {
      const seen = new Set<string>();
      for (let asked = 0; asked < 3; asked++) seen.add(await prober.ask(route));
      return seen.has(third) === (count === 3);
    },
  );
}

async function weigh(world: World, prober: Prober, i: number): Promise<number> {
  const route = (routeOf(world, i) + 2) % world.routes;
  const own = Math.floor(route / 5);
  const to = (own + 3) % objects.servicesOf(world.routes);
  const rules = (weight: number): object => ({
    spec: {
      rules: objects.rules(route, {
        [objects.serviceName(own)]: 1 - weight,
        [objects.serviceName(to)]: weight,
      }),
    },
  });
  // Two backends with weights from here on: what is measured is the change of these alone.
  await world.patch(URLS.routes, `r${route}`, rules(0));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return prober.time(
    () => world.patch(URLS.routes, `r${route}`, rules(1)),
    async () => isOf(to, await prober.ask(route)),
  );
}

async function rotate(world: World, prober: Prober, i: number): Promise<number> {
  const certificate = world.certificates[(i + 1) % 2]!;
  const before = await prober.shown();
  return prober.time(
    () => world.patch(URLS.secrets, 'tls', { data: objects.secretData(certificate) }),
    async () => (await prober.shown()) !== before,
  );
}

class Prober {
  #connection: RawConnection | undefined;

  /** From before `change` until `isThere` for the first time, as of the request that saw it. */
  async time(change: () => Promise<void>, isThere: () => Promise<boolean>): Promise<number> {
    const startMs = performance.now();
    const changing = change();
    for (;;) {
      const askedMs = performance.now();
      if (await isThere()) {
        await changing;
        return askedMs - startMs;
      }
      if (performance.now() - startMs > TIMEOUT_MS) throw new Error('a change that nobody saw');
    }
  }

  async ask(route: number): Promise<string> {
    this.#connection ??= await RawConnection.open({ address: ADDRESS, port: objects.HTTP_PORT });
    const { status, body, isLast } = await this.#connection.ask(objects.hostOf(route), objects.pathOf(route));
    if (isLast) this.close();
    return status === 200 ? body : String(status);
  }

  /** The certificate of a new handshake. */
  async shown(): Promise<string> {
    const place = { address: ADDRESS, port: objects.HTTPS_PORT, tlsName: objects.hostOf(0) };
    const connection = await RawConnection.open(place);
    const { fingerprint } = connection;
    connection.close();
    return fingerprint;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
