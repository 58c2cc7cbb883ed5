// The admission policies that are in force: those of the store that have a binding, compiled once per version.

import { compilePolicy, type CompiledPolicy } from '../../objects/admission/compile.ts';
import { parseBinding, parsePolicy, type AdmissionBinding } from '../../objects/admission/policy.ts';
import type { ObjectStore } from '../store/object-store.ts';

const POLICIES = 'validatingadmissionpolicies.admissionregistration.k8s.io';
const BINDINGS = 'validatingadmissionpolicybindings.admissionregistration.k8s.io';

export interface BoundPolicy {
  readonly compiled: CompiledPolicy;
  readonly bindings: readonly AdmissionBinding[];
}

export class AdmissionPolicies {
  readonly #store: ObjectStore;
  /** By name; what is written of a policy forgets it. */
  readonly #compiled = new Map<string, CompiledPolicy>();
  #bound: readonly BoundPolicy[] | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
    store.subscribe(POLICIES, ({ current }) => {
      this.#compiled.delete(current.key);
      this.#bound = undefined;
    });
    store.subscribe(BINDINGS, () => {
      this.#bound = undefined;
    });
  }

  /** In the order of their names. A write where there are none has an empty list to go over. */
  inForce(): readonly BoundPolicy[] {
    this.#bound ??= this.#read();
    return this.#bound;
  }

  #read(): readonly BoundPolicy[] {
    const bindings = this.#store.list(BINDINGS).map(({ object }) => parseBinding(object));
    const byPolicy = Map.groupBy(bindings, ({ policyName }) => policyName);
    return this.#store.list(POLICIES).flatMap(({ key, object }) => {
      const own = byPolicy.get(key);
      if (own === undefined) return [];
      const compiled = this.#compiled.get(key) ?? compilePolicy(parsePolicy(object)).compiled;
      this.#compiled.set(key, compiled);
      return [{ compiled, bindings: own }];
    });
  }
}
