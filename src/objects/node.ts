// The slim Node: what the network needs of core/v1 Node.

import { parseCidr, type Cidr } from '../base/cidr.ts';
import { tryParseIp, type Ip } from '../base/ip.ts';
import { Field } from './slim-field.ts';
import { readIp, readMeta, type SlimMeta } from './slim-meta.ts';

export interface Node extends SlimMeta {
  /** InternalIP addresses in the object's order; the first one carries the tunnel. */
  readonly addresses: readonly Ip[];
  /** Addresses of other types, ExternalIP above all: policies mean them, too. Names are none. */
  readonly otherAddresses: readonly Ip[];
  /** At most one per family; empty until the node's subnet is allocated. */
  readonly podCidrs: readonly Cidr[];
  readonly isReady: boolean;
  /** On its way out of the cluster (KEP-3836): load balancers must not send it new connections. */
  readonly isDraining: boolean;
}

/** Set by the cluster's autoscaler on a node that it is about to remove. */
const GOING_TAINT = 'ToBeDeletedByClusterAutoscaler';

/** Reads a v1 Node; throws `invalid` naming the field. */
export function parseNode(raw: unknown): Node {
  const root = Field.root('Node', raw);
  const addresses = root.at('status.addresses').list();
  const conditions = root.at('status.conditions').list();
  const taints = root.at('spec.taints').list();
  const isInternal = (field: Field): boolean => field.at('type').value === 'InternalIP';
  return {
    ...readMeta(root),
    addresses: addresses.filter(isInternal).map((field) => readIp(field.at('address'))),
    otherAddresses: addresses
      .filter((field) => !isInternal(field))
      .flatMap((field) => tryParseIp(String(field.at('address').value)) ?? []),
    podCidrs: readPodCidrs(root.at('spec')),
    isReady: conditions.some((it) => it.at('type').value === 'Ready' && it.at('status').value === 'True'),
    isDraining:
      !root.at('metadata.deletionTimestamp').isAbsent ||
      taints.some((it) => it.at('key').value === GOING_TAINT),
  };
}

/** `podCIDRs` leads; `podCIDR` alone is what single-stack allocators write. */
function readPodCidrs(spec: Field): readonly Cidr[] {
  const list = spec.at('podCIDRs').list();
  const fields = list.length > 0 ? list : [spec.at('podCIDR')];
  return fields
    .filter((field) => !field.isAbsent && field.value !== '')
    .map((field) => field.parse((value) => parseCidr(typeof value === 'string' ? value : String(value))));
}
