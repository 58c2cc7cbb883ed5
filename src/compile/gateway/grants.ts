// Whether one namespace's object may name another namespace's (ReferenceGrant, GEP-709). Within a namespace it always may.

import { GATEWAY_GROUP, type ObjectRef } from '../../objects/gateway-api/common.ts';
import type { ReferenceGrant } from '../../objects/gateway-api/reference-grant.ts';

export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** The grants of a moment, by the namespace that they open. */
export class Grants {
  readonly #byNamespace = new Map<string, ReferenceGrant[]>();

  constructor(grants: Iterable<ReferenceGrant>) {
    for (const grant of grants) {
      const found = this.#byNamespace.get(grant.namespace);
      if (found === undefined) this.#byNamespace.set(grant.namespace, [grant]);
      else found.push(grant);
    }
  }

  permits(from: Referrer, to: ObjectRef): boolean {
    if (from.namespace === to.namespace) return true;
    return (this.#byNamespace.get(to.namespace) ?? []).some(
      (grant) =>
        grant.from.some(
          (it) => it.group === from.group && it.kind === from.kind && it.namespace === from.namespace,
        ) &&
        grant.to.some(
          (it) =>
            it.group === to.group && it.kind === to.kind && (it.name === undefined || it.name === to.name),
        ),
    );
  }
}

/** A kind of the specification as the one who refers. */
export function referrerOf(kind: string, namespace: string): Referrer {
  return { group: GATEWAY_GROUP, kind, namespace };
}
