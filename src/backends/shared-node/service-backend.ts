// What a Service backend is to the agent, whatever it programs.

import type { Lifetime } from '../../base/lifetime.ts';
import type { ServiceView } from '../../model/network.ts';
import { part, type Part } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';

/** What Service backends reach the kernel through; a backend takes what it needs of it. What it opens goes with the lifetime. */
export interface ServiceDoors {
  readonly maps: NodeMaps;
  /** Path of the node's network namespace; undefined where the process lives in it. */
  readonly netns: string | undefined;
  readonly lifetime: Lifetime;
}

export interface ServiceInput {
  /** Undefined while Services are not known: then nothing is touched. */
  readonly services: ServiceView | undefined;
  /** Names of the backends that carry Services now; all others leave: they want nothing of theirs in the kernel any more. */
  readonly serviceCarriers: ReadonlySet<string>;
}

/** One way to carry frontends to endpoints. */
export interface ServiceBackend {
  /** As users name it: the folder without its role. */
  readonly name: string;
  readonly about: string;
  /** Names of the probes of `src/sys/probe.ts` that must answer yes. */
  readonly needs: readonly string[];
  /** The parts of the engine that keep the kernel at the view, in the order of updates. */
  open<V extends ServiceInput>(doors: ServiceDoors): readonly Part<V>[];
}

/** A target with the rendering of what it holds, whatever its entries are. */
export interface ServicePart {
  use<R>(user: <T>(target: Target<T>, render: (view: ServiceView) => ReadonlyMap<string, T>) => R): R;
}

export function servicePart<T>(
  target: Target<T>,
  render: (view: ServiceView) => ReadonlyMap<string, T>,
): ServicePart {
  return { use: (user) => user(target, render) };
}

/** The `open` of a backend that is these parts: each holds its rendering while the backend carries, and nothing while it leaves. */
export function openByParts(
  backend: string,
  partsOf: (doors: ServiceDoors) => readonly ServicePart[],
): ServiceBackend['open'] {
  return <V extends ServiceInput>(doors: ServiceDoors): readonly Part<V>[] =>
    partsOf(doors).map((it) =>
      it.use((target, render) =>
        part<V, Parameters<typeof target.isEqual>[0]>(target, ({ services, serviceCarriers }) => {
          if (!serviceCarriers.has(backend)) return new Map();
          return services === undefined ? undefined : render(services);
        }),
      ),
    );
}
