// The interface of the rtnetlink door, which the real kernel and the fake implement. Its vocabulary is that of the codec.

import type {
  ForwardingEntry,
  InterfaceAddress,
  Link,
  Neighbour,
  NetlinkChange,
  Route,
  Rule,
} from '../wire/netlink/types.ts';

export type * from '../wire/netlink/types.ts';
export { RTPROT_FAIRLEAD } from '../wire/netlink/types.ts';

/**
 * One rtnetlink socket in one network namespace. `apply` performs changes in order, many in one system call where it can;
 * a refusal throws `FairleadError` of code `kernel` (or `already-exists`, `not-found`) with details.errno, naming the change,
 * and the changes after it are not made. Changes that fail while earlier ones of the call stand are the caller's to undo.
 */
export interface Netlink {
  apply(changes: readonly NetlinkChange[]): Promise<void>;
  links(): Promise<readonly Link[]>;
  link(name: string): Promise<Link | undefined>;
  /** The index alone, without a wait for the kernel's rtnl lock; undefined where there is no such link. */
  linkIndex(name: string): Promise<number | undefined>;
  addresses(link?: string): Promise<readonly InterfaceAddress[]>;
  routes(filter?: { readonly table?: number; readonly link?: string }): Promise<readonly Route[]>;
  neighbours(link?: string): Promise<readonly Neighbour[]>;
  forwardings(link: string): Promise<readonly ForwardingEntry[]>;
  rules(): Promise<readonly Rule[]>;
  close(): void;
}
