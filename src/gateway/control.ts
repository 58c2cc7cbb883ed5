// A proxy's control: what changed in the cluster is compiled, brought into the proxy, and said in the objects' statuses, in this order.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { ProxyModel } from '../model/gateway.ts';
import type { Snapshot, Store } from '../store/store.ts';
import { Due } from '../base/due.ts';
import { unreached, type ProxyFindings } from './proxy-findings.ts';

/** What control needs of a proxy: to be brought to a model, as often as it changes. */
export interface Proxy {
  /** Resolves when the proxy has all of the model that it can have, and says what it has not. */
  apply(model: ProxyModel): Promise<ProxyFindings>;
}

/** Whom a proxy is for. */
export interface ProxySubject {
  /** Undefined while something is not known: then everything is left as it stands. */
  compile(snapshot: Snapshot): CompiledSubject | undefined;
}

export interface CompiledSubject {
  readonly model: ProxyModel;
  /** Says in the cluster what became of its objects. False where something is to be said again. */
  say(findings: ProxyFindings): Promise<boolean>;
}

export interface ControlOptions {
  readonly subject: ProxySubject;
  readonly store: Store;
  readonly proxy: Proxy;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Statuses follow the traffic: many changes of a moment are said once. */
const STATUS_REST_MS = 50;
/** Somebody else may have written over a status. */
const STATUS_EVERY_MS = 30_000;
/** What failed is tried again, and the proxy is looked at anew where nothing changed. */
const RETRY_MS = 500;
const LOOK_EVERY_MS = 10_000;

/** Runs until the signal aborts. */
export async function runControl(options: ControlOptions): Promise<void> {
  const control = new Control(options);
  const end = options.store.subscribe(() => control.clusterChanged());
  try {
    await Promise.all([control.followCluster(), control.writeStatuses()]);
  } finally {
    end();
  }
}

interface Stand {
  readonly compiled: CompiledSubject;
  readonly findings: ProxyFindings;
}

class Control {
  readonly #options: ControlOptions;
  readonly #passDue: Due;
  readonly #statusDue: Due;
  #stand: Stand | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#passDue = new Due(options.clock, options.signal);
    this.#statusDue = new Due(options.clock, options.signal);
    this.#passDue.mark();
  }

  clusterChanged(): void {
    this.#passDue.mark();
  }

  async followCluster(): Promise<void> {
    while (await this.#passDue.next(LOOK_EVERY_MS)) {
      const { subject, store } = this.#options;
      const compiled = subject.compile(store.snapshot());
      if (compiled === undefined) {
        // What was said of a Gateway that is gone is not said again.
        this.#stand = undefined;
        continue;
      }
      this.#stand = { compiled, findings: await this.#apply(compiled.model) };
      this.#statusDue.mark();
    }
  }

  async #apply(model: ProxyModel): Promise<ProxyFindings> {
    const { proxy, log, signal } = this.#options;
    try {
      const findings = await proxy.apply(model);
      if (findings.problem !== undefined) this.#passDue.markAfter(RETRY_MS);
      return findings;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, `the proxy does not follow: ${messageOf(error)}`);
      this.#passDue.markAfter(RETRY_MS);
      return unreached(messageOf(error));
    }
  }

  async writeStatuses(): Promise<void> {
    const { clock, signal } = this.#options;
    while (await this.#statusDue.next(STATUS_EVERY_MS)) {
      if (this.#stand === undefined) continue;
      const { compiled, findings } = this.#stand;
      const isWhole = await compiled.say(findings);
      if (!isWhole) this.#statusDue.markAfter(RETRY_MS);
      await clock.sleep(STATUS_REST_MS, signal).catch(() => undefined);
    }
  }
}
