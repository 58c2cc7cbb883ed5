// From changes of the cluster to submissions: compiles when the store or the underlay changed, and hands on what came of it.

import type { Underlay } from '../backends/network-vxlan/entries.ts';
import { messageOf } from '../base/errors.ts';
import { readSearches } from '../dns/resolv-conf.ts';
import type { Netlink } from '../sys/netlink-types.ts';
import type { Changes } from '../store/change-stream.ts';
import type { Store } from '../store/store.ts';
import type { AgentContext } from './agent-context.ts';
import { ViewCompiler, type AgentView, type ViewSources } from './agent-view.ts';
import { isSameUnderlay, readUnderlay } from './underlay.ts';

/** A compiled state; `revision` grows by one with each. */
export interface Compiled {
  readonly revision: number;
  /** Of the store that it was compiled from. */
  readonly storeRevision: number;
  readonly view: AgentView;
  readonly underlay: Underlay | undefined;
}

export interface ViewLoopOptions extends Omit<ViewSources, 'hostSearches' | 'onProblem'> {
  readonly context: AgentContext;
  readonly store: Store;
  readonly netlink: Netlink;
  readonly onCompiled: (compiled: Compiled) => void;
}

/** What comes in one turn of the process is compiled at once; a compilation costs what changed. */
const HOLD_OFF = { quietMs: 0, maxMs: 0 };
/** How soon a link that comes late, or a changed MTU, is noticed. */
const UNDERLAY_EVERY_MS = 5_000;

export interface ViewLoop {
  /** Makes a view anew: something beside the store decides otherwise now. */
  recompile(): void;
}

/** Runs until the lifetime ends. */
export function startViewLoop(options: ViewLoopOptions): ViewLoop {
  const { context } = options;
  const loop = new RunningViewLoop(options);
  const running = Promise.all([loop.followStore(), loop.followUnderlay()]).catch((error: unknown) => {
    if (!context.lifetime.signal.aborted) context.fail(error);
  });
  context.lifetime.defer('view loop', async () => void (await running));
  return loop;
}

const NO_CHANGES: Changes = new Map();

class RunningViewLoop implements ViewLoop {
  readonly #options: ViewLoopOptions;
  readonly #compiler: ViewCompiler;
  #underlay: Underlay | undefined;
  #revision = 0;

  constructor(options: ViewLoopOptions) {
    this.#options = options;
    const { config, log } = options.context;
    this.#compiler = new ViewCompiler(config, {
      ...options,
      hostSearches: () => readSearches(config.resolvConf),
      onProblem: (text) => log.warn(text),
    });
  }

  async followStore(): Promise<void> {
    const { context, store } = this.#options;
    const { clock, lifetime } = context;
    const changes = store.changes({ holdOff: HOLD_OFF, clock, signal: lifetime.signal });
    // The first compilation needs the underlay, or the tunnel would count as unknown for seconds.
    await this.#lookAtUnderlay();
    this.#compile(undefined);
    for await (const batch of changes) this.#compile(batch);
  }

  recompile(): void {
    this.#compile(NO_CHANGES);
  }

  async followUnderlay(): Promise<void> {
    const { clock, lifetime } = this.#options.context;
    for (;;) {
      await clock.sleep(UNDERLAY_EVERY_MS, lifetime.signal);
      if (await this.#lookAtUnderlay()) this.#compile(NO_CHANGES);
    }
  }

  /** True when it changed. */
  async #lookAtUnderlay(): Promise<boolean> {
    const { context, netlink } = this.#options;
    const { underlayLink } = context.config;
    try {
      const now = await readUnderlay(netlink, underlayLink);
      if (isSameUnderlay(now, this.#underlay)) return false;
      context.log.info({ before: this.#underlay, now }, `underlay ${underlayLink} changed`);
      this.#underlay = now;
      return true;
    } catch (err) {
      // What is known stays: a failed look says nothing about the link.
      context.log.warn({ err }, `Cannot look at underlay ${underlayLink}: ${messageOf(err)}`);
      return false;
    }
  }

  /** `changes` of the store since the call before, undefined for any. */
  #compile(changes: Changes | undefined): void {
    const { store, onCompiled } = this.#options;
    const storeRevision = store.revision;
    const view = this.#compiler.compile(store.live(), this.#underlay, changes);
    onCompiled({ revision: ++this.#revision, storeRevision, view, underlay: this.#underlay });
  }
}
