// A change as requests to the kernel, and as a line for the reader. Exhaustive over `NetlinkChange`.

import { encodeAddress } from './address.ts';
import {
  encodeAddPlain,
  encodeAddVeth,
  encodeAddVxlan,
  encodeDeleteLink,
  encodeDeleteLinkGroup,
  encodeSetLink,
  type IndexOf,
} from './link.ts';
import { encodeForwarding, encodeNeighbour } from './neighbour.ts';
import { encodeDeleteRoute, encodeReplaceRoute } from './route.ts';
import { encodeRule } from './rule.ts';
import type { NetlinkChange } from './types.ts';

/** The requests of a change in the order in which they must be sent; most have one. Sequence numbers are not set yet. */
export function encodeChange(change: NetlinkChange, indexOf: IndexOf): readonly Uint8Array[] {
  switch (change.kind) {
    case 'add-veth':
      return encodeAddVeth(change);
    case 'add-bridge':
    case 'add-dummy':
      return encodeAddPlain(change);
    case 'add-vxlan':
      return encodeAddVxlan(change, indexOf);
    case 'set-link':
      return encodeSetLink(change, indexOf);
    case 'delete-link':
      return encodeDeleteLink(change);
    case 'delete-link-group':
      return encodeDeleteLinkGroup(change);
    case 'add-address':
    case 'delete-address':
      return encodeAddress(change, indexOf);
    case 'replace-route':
      return encodeReplaceRoute(change, indexOf);
    case 'delete-route':
      return encodeDeleteRoute(change, indexOf);
    case 'replace-neighbour':
    case 'delete-neighbour':
      return encodeNeighbour(change, indexOf);
    case 'replace-forwarding':
    case 'delete-forwarding':
      return encodeForwarding(change, indexOf);
    case 'add-rule':
    case 'delete-rule':
      return encodeRule(change.kind, change);
    default:
      return change satisfies never;
  }
}
