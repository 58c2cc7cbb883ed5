// Brings one HAProxy to what the newest model says and keeps it there, by its command socket; by a reload only for what is not data. Who starts the process is
// somebody else: the driver needs the folder alone, and writes it before there is a process.

import type { Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { haproxySocket, type HaproxySocket } from '../sys/haproxy-socket.ts';
import { planSlots } from './backend-slots.ts';
import { renderDesired, type DesiredProxy } from './desired.ts';
import { observeStructure } from './observe.ts';
import { mapText, ProxyFolder } from './proxy-files.ts';
import { readLua } from './lua-program.ts';
import { BUFFER_BYTES, proxyFiles, type ProxyFiles, type ProxyPlace } from './proxy-place.ts';
import { readState, stateText, type ProxyState } from './proxy-state.ts';
import { checkConfig, reload } from './reload.ts';
import { MAP_NAMES, type ProxyMaps } from './render-routes.ts';
import { RunningProxy } from './running-proxy.ts';
import { firstServers, type ServerSlot } from './server-slots.ts';

export interface ProxyDriverOptions {
  readonly place: ProxyPlace;
  /** The HAProxy that checks configurations. */
  readonly program: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock?: Clock;
}

export interface ProxyReport {
  readonly reloads: number;
}

export interface ProxyDriver {
  /** Resolves when HAProxy does what this model says, or a later one. */
  publish(model: ProxyModel): Promise<ProxyReport>;
}

const RETRY_MS = { first: 20, most: 1000 };

export async function openProxyDriver(options: ProxyDriverOptions, lifetime: Lifetime): Promise<ProxyDriver> {
  const files = proxyFiles(options.place.folder);
  const lua = await readLua(options.place.folder);
  const state = await readState(files.state, (problem) =>
    options.log.info({ problem }, 'the proxy is assigned anew'),
  );
  const driver = new Driver({ ...options, files, lua, state, signal: lifetime.signal });
  lifetime.defer('the proxy driver', () => driver.ended());
  return driver;
}

interface DriverInput extends ProxyDriverOptions {
  readonly files: ProxyFiles;
  readonly lua: string;
  readonly state: ProxyState;
  readonly signal: AbortSignal;
}

interface Waiter {
  resolve(report: ProxyReport): void;
  reject(error: unknown): void;
}

class Driver implements ProxyDriver {
  readonly #input: DriverInput;
  readonly #clock: Clock;
  readonly #admin: HaproxySocket;
  readonly #master: HaproxySocket;
  readonly #folder = new ProxyFolder();
  #state: ProxyState;
  #running: RunningProxy | undefined;
  #model: ProxyModel | undefined;
  #waiters: Waiter[] = [];
  #loop: Promise<void> | undefined;
  #reloads = 0;

  constructor(input: DriverInput) {
    this.#input = input;
    this.#clock = input.clock ?? systemClock;
    this.#state = input.state;
    const socket = (path: string): HaproxySocket =>
      haproxySocket({ path, bufferBytes: BUFFER_BYTES, signal: input.signal });
    this.#admin = socket(input.files.adminSocket);
    this.#master = socket(input.files.masterSocket);
  }

  publish(model: ProxyModel): Promise<ProxyReport> {
    return new Promise((resolve, reject) => {
      this.#model = model;
      this.#waiters.push({ resolve, reject });
      this.#loop ??= this.#run().finally(() => (this.#loop = undefined));
    });
  }

  async ended(): Promise<void> {
    await this.#loop;
  }

  /** Until the newest model is there; what fails is tried again. */
  async #run(): Promise<void> {
    let pauseMs = RETRY_MS.first;
    while (this.#model !== undefined) {
      const [model, waiters] = [this.#model, this.#waiters];
      [this.#model, this.#waiters] = [undefined, []];
      try {
        await this.#pass(model);
        pauseMs = RETRY_MS.first;
        for (const waiter of waiters) waiter.resolve({ reloads: this.#reloads });
      } catch (error) {
        this.#running = undefined;
        this.#model ??= model;
        this.#waiters = [...waiters, ...this.#waiters];
        if (!hasCode(error, 'unavailable'))
          this.#input.log.warn({ error: messageOf(error) }, 'cannot drive the proxy');
        if (!(await this.#pause(pauseMs))) return this.#giveUp();
        pauseMs = Math.min(pauseMs * 2, RETRY_MS.most);
      }
    }
  }

  async #pause(ms: number): Promise<boolean> {
    try {
      await this.#clock.sleep(ms, this.#input.signal);
      return true;
    } catch {
      return false;
    }
  }

  #giveUp(): void {
    for (const waiter of this.#waiters) waiter.reject(this.#input.signal.reason);
    this.#waiters = [];
  }

  async #pass(model: ProxyModel): Promise<void> {
    const { place, lua } = this.#input;
    const { slots } = planSlots(this.#state.slots, model.backends);
    const desired = renderDesired({ model, slots, place, lua });
    // The assignment is on disk before anything goes by it.
    this.#state = { slots, servers: this.#state.servers };
    const structure = this.#running === undefined ? await this.#structure() : this.#running.structure;
    if (structure === undefined) {
      await this.#writeAnew(desired);
      // Thrown on: there is no process yet, or it is on its way.
      await observeStructure(this.#admin);
    } else if (structure !== desired.structure.name) await this.#reload(desired);
    this.#running ??= await RunningProxy.observe(
      this.#admin,
      this.#input.files,
      desired.structure.name,
      (backend, server) => this.#state.servers.get(backend)?.find((it) => it.name === server)?.options,
    );
    await this.#running.apply(desired);
    await this.#write(desired, this.#running.servers, this.#running.maps);
  }

  /** Of the process that runs; undefined where none does. */
  async #structure(): Promise<string | undefined> {
    try {
      return (await observeStructure(this.#admin)) ?? '';
    } catch (error) {
      if (hasCode(error, 'unavailable')) return undefined;
      throw error;
    }
  }

  async #reload(desired: DesiredProxy): Promise<void> {
    this.#running = undefined;
    await this.#writeAnew(desired);
    const { clock, admin, master, signal } = {
      clock: this.#clock,
      admin: this.#admin,
      master: this.#master,
      signal: this.#input.signal,
    };
    await reload({ admin, master, clock, signal }, desired.structure.name);
    this.#reloads++;
    this.#input.log.info({ structure: desired.structure.name }, 'the proxy has another structure');
  }

  /** For a process that is to start: everything is there from its first request on. */
  async #writeAnew(desired: DesiredProxy): Promise<void> {
    const servers = new Map(
      [...desired.servers].map(([name, { endpoints, options }]) => [name, firstServers(endpoints, options)]),
    );
    await this.#write(desired, servers, desired.maps, true);
  }

  async #write(
    desired: DesiredProxy,
    servers: ReadonlyMap<string, readonly ServerSlot[]>,
    maps: ProxyMaps,
    isChecked = false,
  ): Promise<void> {
    const { files, lua, program, signal } = this.#input;
    this.#state = { slots: desired.slots, servers };
    await this.#folder.write(files.lua, lua);
    for (const name of MAP_NAMES) await this.#folder.write(files.map(name), mapText(maps[name]));
    const config = desired.structure.text(servers);
    if (isChecked) {
      await this.#folder.write(`${files.config}.check`, config);
      await checkConfig(program, `${files.config}.check`, signal);
    }
    await this.#folder.write(files.state, stateText(this.#state));
    await this.#folder.write(files.config, config);
  }
}
