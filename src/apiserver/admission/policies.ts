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
  readonly #compiled = new Map<string, { readonly revision: number; readonly compiled: CompiledPolicy }>();
  #bound: readonly BoundPolicy[] | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
    for (const storage of [POLICIES, BINDINGS])
      store.subscribe(storage, () => {
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
    const stored = this.#store.list(POLICIES);
    const names = new Set(stored.map(({ key }) => key));
    for (const name of this.#compiled.keys()) if (!names.has(name)) this.#compiled.delete(name);
    return stored.flatMap(({ key, object, revision }) => {
      const own = byPolicy.get(key);
      if (own === undefined) return [];
      const known = this.#compiled.get(key);
      if (known?.revision === revision) return [{ compiled: known.compiled, bindings: own }];
      const { compiled } = compilePolicy(parsePolicy(object));
      this.#compiled.set(key, { revision, compiled });
      return [{ compiled, bindings: own }];
    });
  }
}
