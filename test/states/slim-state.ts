// From a state of raw objects to what compile takes; keeps the slim object of an unchanged raw one, as a store does.

import type { ClusterObjects } from '../../src/compile/cluster-objects.ts';
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
