// From a state of raw objects to what compile takes; keeps the slim object of an unchanged raw one, as a store does.

import type { ClusterObjects } from '../../src/compile/cluster-objects.ts';
import type { NodeChanges } from '../../src/compile/node-compiler.ts';
import { ServiceInputs, type ObjectChanges } from '../../src/compile/service-inputs.ts';
import { parseEndpointSlice } from '../../src/objects/endpoint-slice.ts';
import { parseNode } from '../../src/objects/node.ts';
import { parsePod } from '../../src/objects/pod.ts';
import { parseService } from '../../src/objects/service.ts';
import { ofKind, type State } from './expanders.ts';

/** Parses states one after the other; the same raw reference gives the same slim reference. */
export class SlimStates {
  readonly #slim = new WeakMap<object, unknown>();

  of(state: State): ClusterObjects {
    return {
      nodes: this.#byKey(state, 'Node', parseNode, (it) => it.name),
      pods: this.#byKey(state, 'Pod', parsePod, keyOf),
      services: this.#byKey(state, 'Service', parseService, keyOf),
      endpointSlices: this.#byKey(state, 'EndpointSlice', parseEndpointSlice, keyOf),
    };
  }

  #byKey<T>(state: State, kind: string, parse: (raw: unknown) => T, key: (it: T) => string): Map<string, T> {
    const parsed = ofKind<object>(state, kind).map((raw) => this.#parsed(raw, parse));
    return new Map(parsed.map((it) => [key(it), it]));
  }

  #parsed<T>(raw: object, parse: (raw: unknown) => T): T {
    if (!this.#slim.has(raw)) this.#slim.set(raw, parse(raw));
    // The weak map holds for each raw object what its one parser made.
    return this.#slim.get(raw) as T;
  }
}

function keyOf(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`;
}

/** The keys of which the object is another one; undefined before the first state. */
export function changesBetween(
  before: ClusterObjects | undefined,
  after: ClusterObjects,
): ObjectChanges | undefined {
  if (before === undefined) return undefined;
  const changed = (kind: keyof ClusterObjects): ReadonlySet<string> => {
    const [from, to] = [before[kind], after[kind]];
    return new Set([...from.keys(), ...to.keys()].filter((key) => from.get(key) !== to.get(key)));
  };
  return {
    nodes: changed('nodes'),
    pods: changed('pods'),
    services: changed('services'),
    endpointSlices: changed('endpointSlices'),
  };
}

/** Takes states one after the other through `ServiceInputs`, as an agent does. */
export class FollowedStates {
  readonly #slim = new SlimStates();
  readonly inputs = new ServiceInputs();
  #before: ClusterObjects | undefined;

  next(state: State): { readonly objects: ClusterObjects; readonly changes: NodeChanges | undefined } {
    const objects = this.#slim.of(state);
    const changed = changesBetween(this.#before, objects);
    this.#before = objects;
    const services = this.inputs.update(objects, changed);
    const isKnown = changed !== undefined && services !== undefined;
    return { objects, changes: isKnown ? { objects: changed, services } : undefined };
  }
}
