// References from one namespace to another: only a ReferenceGrant of the other one's owner allows them.

import type { ObjectRef } from '../objects/gateway-api/common.ts';
import type { ReferenceGrant } from '../objects/gateway-api/reference-grant.ts';

/** Who names an object. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** "Each ReferenceGrant can be used to specify a unique trust relationship": any one of them is enough, and `from` and `to` must stand in the same one. */
export function permits(grants: readonly ReferenceGrant[], from: Referrer, to: ObjectRef): boolean {
  if (from.namespace === to.namespace) return true;
  return grants.some(
    (grant) =>
      grant.namespace === to.namespace &&
      grant.from.some(
        (it) => it.group === from.group && it.kind === from.kind && it.namespace === from.namespace,
      ) &&
      grant.to.some(
        (it) =>
          it.group === to.group && it.kind === to.kind && (it.name === undefined || it.name === to.name),
      ),
  );
}
