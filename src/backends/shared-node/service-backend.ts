// What a Service backend is to the agent, whatever it programs.

import type { Lifetime } from '../../base/lifetime.ts';
import type { Frontend, FrontendOptions, ServiceView } from '../../model/network.ts';
import { incrementalPart, part, type Part, type Rendered } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import type { IptablesFlavour } from '../../sys/iptables.ts';
import type { NodeLinks } from '../shared-bpf/node-links.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';

/** What Service backends reach the kernel through; a backend takes what it needs of it. What it opens goes with the lifetime. */
export interface ServiceDoors {
  readonly maps: NodeMaps;
  /** The node's own links, for programs on them. */
  readonly nodeLinks: NodeLinks;
  /** Path of the node's network namespace; undefined where the process lives in it. */
  readonly netns: string | undefined;
  readonly lifetime: Lifetime;
  /** In which flavour iptables is to be used; undefined for that of the program `iptables`. */
  readonly iptablesFlavour?: IptablesFlavour | undefined;
}

/**
 * `leave`: it wants nothing of its own in the kernel any more, but for what established flows still need. `carry-pods`: another one carries, but for what
 * the node's pods send, which is translated before their policies are asked.
 */
export type ServiceRole = BackendRole | 'carry-pods';

/** Of any backend. */
export type BackendRole = 'carry' | 'leave';

export interface ServiceInput {
  /** Undefined while Services are not known: then nothing is touched. */
  readonly services: ServiceView | undefined;
  /** By the name of the backend; one that has none is left as it is. */
  readonly serviceRoles: ReadonlyMap<string, ServiceRole>;
  /** Keys of frontends that are others than in the view before, undefined for any. */
  readonly changedFrontends: ReadonlySet<string> | undefined;
}

/** One way to carry frontends to endpoints. */
export interface ServiceBackend {
  /** As users name it: the folder without its role. */
  readonly name: string;
  readonly about: string;
  /** Names of the probes of `src/sys/probe.ts` that must answer yes. */
  readonly needs: readonly string[];
  /** What Services may ask of it; what it does not heed, it carries as usual. */
  readonly heeds: readonly (keyof FrontendOptions)[];
  /** Who does not reach such a frontend by it, and why, in a sentence; absent where everybody does. */
  readonly limitOf?: (frontend: Frontend) => string | undefined;
  /** The parts of the engine that keep the kernel at the view, in the order of updates. Their targets are named `service-<name>`, or begin so. */
  open<V extends ServiceInput>(doors: ServiceDoors): readonly Part<V>[];
}

/** A target with the rendering of what it holds, whatever its entries are. */
export interface ServicePart {
  use<R>(user: <T>(target: Target<T>, render: (view: ServiceView) => ReadonlyMap<string, T>) => R): R;
  /** As a part of the engine: it holds its rendering while the backend carries, and nothing while it leaves. */
  open<V extends ServiceInput>(backend: string): Part<V>;
}

/** What few entries hold: a skeleton, settings, a device. @public */
export function servicePart<T>(
  target: Target<T>,
  render: (view: ServiceView) => ReadonlyMap<string, T>,
): ServicePart {
  return {
    use: (user) => user(target, render),
    open: <V extends ServiceInput>(backend: string) =>
      part<V, T>(target, ({ services, serviceRoles }) => {
        const role = serviceRoles.get(backend);
        if (role !== 'carry') return role && new Map();
        return services === undefined ? undefined : render(services);
      }),
  };
}

/** How a frontend becomes the row of its key. */
export interface FrontendRendering<T, C> {
  /**
   * What of the view each row depends on; where it is another one (by its JSON text), all rows are rendered anew. Called for each view, so
   * it must be quick: `since` is the context of the view before and the keys of the frontends that are others now.
   */
  readonly contextOf: (view: ServiceView, since?: ContextBefore<C>) => C;
  /** Undefined where the backend leaves the frontend alone. */
  readonly renderFrontend: (frontend: Frontend, context: C) => T | undefined;
  /** What all frontends share, where the same target holds it; under keys that no frontend has. */
  readonly renderShared?: (context: C) => ReadonlyMap<string, T>;
}

export interface ContextBefore<C> {
  readonly context: C;
  readonly changedFrontends: ReadonlySet<string>;
}

export function renderFrontends<T, C>(
  { contextOf, renderFrontend, renderShared }: FrontendRendering<T, C>,
  view: ServiceView,
  context = contextOf(view),
): ReadonlyMap<string, T> {
  const rows = new Map(renderShared?.(context));
  for (const [key, frontend] of view.frontends) {
    const row = renderFrontend(frontend, context);
    if (row !== undefined) rows.set(key, row);
  }
  return rows;
}

/** What a row per frontend holds: a change renders and compares the frontends that changed, however many there are. */
export function frontendPart<T, C>(target: Target<T>, rendering: FrontendRendering<T, C>): ServicePart {
  return {
    use: (user) => user(target, (view) => renderFrontends(rendering, view)),
    open: <V extends ServiceInput>(backend: string) =>
      incrementalPart<V, T>(target, () => {
        const rows = new FrontendRows(rendering);
        return (input) => rows.render(backend, input);
      }),
  };
}

class FrontendRows<T, C> {
  readonly #rendering: FrontendRendering<T, C>;
  #rows: Map<string, T> | undefined;
  #context: C | undefined;

  constructor(rendering: FrontendRendering<T, C>) {
    this.#rendering = rendering;
  }

  render(backend: string, input: ServiceInput): Rendered<T> {
    const { services, serviceRoles, changedFrontends } = input;
    const role = serviceRoles.get(backend);
    if ((role !== 'carry' && role !== 'carry-pods') || services === undefined) {
      this.#rows = undefined;
      this.#context = undefined;
      return { desired: role === 'leave' ? new Map() : undefined, changed: undefined };
    }
    const before = this.#context;
    const context = this.#rendering.contextOf(
      services,
      before === undefined || changedFrontends === undefined
        ? undefined
        : { context: before, changedFrontends },
    );
    this.#context = context;
    if (this.#rows === undefined || changedFrontends === undefined || !isSame(before, context)) {
      this.#rows = new Map(renderFrontends(this.#rendering, services, context));
      return { desired: this.#rows, changed: undefined };
    }
    const rows = this.#rows;
    for (const key of changedFrontends) {
      const frontend = services.frontends.get(key);
      const row = frontend === undefined ? undefined : this.#rendering.renderFrontend(frontend, context);
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
    return { desired: rows, changed: changedFrontends };
  }
}

function isSame<C>(before: C | undefined, context: C): boolean {
  return before === context || JSON.stringify(before) === JSON.stringify(context);
}

/** The `open` of a backend that is these parts. */
export function openByParts(
  backend: string,
  partsOf: (doors: ServiceDoors) => readonly ServicePart[],
): ServiceBackend['open'] {
  return <V extends ServiceInput>(doors: ServiceDoors): readonly Part<V>[] =>
    partsOf(doors).map((it) => it.open<V>(backend));
}
