// Brings one HAProxy to what the newest model says and keeps it there: passes one after the other, each for the newest model, again where one failed. Who starts the
// process is somebody else: the driver needs the folder alone, and writes it before there is a process.

import type { Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { openProxyPass, type ProxyPass, type ProxyReport } from './proxy-pass.ts';
import type { ProxyPlace } from './proxy-place.ts';

export interface ProxyDriverOptions {
  readonly place: ProxyPlace;
  /** The HAProxy that checks configurations. */
  readonly program: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock?: Clock;
}

export interface ProxyDriver {
  /** Resolves when HAProxy does what this model says, or a later one, as far as it can: the report says what it cannot. Rejects where HAProxy refuses the way there. */
  publish(model: ProxyModel): Promise<ProxyReport>;
  /** Id of the model's backend for which one of the proxy's stands, also before anything is published. */
  backendOf(slot: string): string | undefined;
}

const RETRY_MS = { first: 20, most: 1000 };
/** A worker that is on its way out refuses too. */
const MAX_REFUSALS = 3;

export async function openProxyDriver(options: ProxyDriverOptions, lifetime: Lifetime): Promise<ProxyDriver> {
  const clock = options.clock ?? systemClock;
  const pass = await openProxyPass({ ...options, clock, signal: lifetime.signal });
  const driver = new Driver({ pass, clock, log: options.log, signal: lifetime.signal });
  lifetime.defer('the proxy driver', () => driver.ended());
  return driver;
}

interface DriverInput {
  readonly pass: ProxyPass;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  readonly signal: AbortSignal;
}

interface Waiter {
  resolve(report: ProxyReport): void;
  reject(error: unknown): void;
}

class Driver implements ProxyDriver {
  readonly #input: DriverInput;
  #model: ProxyModel | undefined;
  #waiters: Waiter[] = [];
  #loop: Promise<void> | undefined;
  /** Said by the loop itself: who is answered publishes the next model before its promise has settled. */
  #isRunning = false;

  constructor(input: DriverInput) {
    this.#input = input;
  }

  publish(model: ProxyModel): Promise<ProxyReport> {
    return new Promise((resolve, reject) => {
      this.#model = model;
      this.#waiters.push({ resolve, reject });
      if (!this.#isRunning) this.#loop = this.#run();
    });
  }

  backendOf(slot: string): string | undefined {
    return this.#input.pass.backendOf(slot);
  }

  async ended(): Promise<void> {
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { pass, log } = this.#input;
    this.#isRunning = true;
    let pauseMs = RETRY_MS.first;
    let refusals = 0;
    while (this.#model !== undefined) {
      const [model, waiters] = [this.#model, this.#waiters];
      [this.#model, this.#waiters] = [undefined, []];
      try {
        const report = await pass.run(model);
        pauseMs = RETRY_MS.first;
        refusals = 0;
        for (const waiter of waiters) waiter.resolve(report);
      } catch (error) {
        this.#model ??= model;
        const isAway = hasCode(error, 'unavailable');
        if (!isAway) log.warn({ error: messageOf(error) }, 'cannot drive the proxy');
        // What HAProxy refuses again and again is told, and tried on.
        if (!isAway && ++refusals >= MAX_REFUSALS) for (const waiter of waiters) waiter.reject(error);
        else this.#waiters = [...waiters, ...this.#waiters];
        if (!(await this.#pause(pauseMs))) this.#giveUp();
        pauseMs = Math.min(pauseMs * 2, RETRY_MS.most);
      }
    }
    this.#isRunning = false;
  }

  async #pause(ms: number): Promise<boolean> {
    try {
      await this.#input.clock.sleep(ms, this.#input.signal);
      return true;
    } catch {
      return false;
    }
  }

  #giveUp(): void {
    for (const waiter of this.#waiters) waiter.reject(this.#input.signal.reason);
    [this.#model, this.#waiters] = [undefined, []];
  }
}
