// Changes of links, addresses and routes as the kernel announces them: a hint to look again, never the state itself.

import { decodeAddress } from '../wire/netlink/address.ts';
import * as c from '../wire/netlink/constants.ts';
import { decodeLink, type NameOf } from '../wire/netlink/link.ts';
import type { Message } from '../wire/netlink/reader.ts';
import { decodeRoute } from '../wire/netlink/route.ts';
import { listenNetlink } from './netlink-listener.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import type { InterfaceAddress, Link, Route } from './netlink-types.ts';
import { inNetns, type Netns } from './netns.ts';

const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/** RTMGRP_* of linux/rtnetlink.h, both families. */
const GROUPS = { links: 0x1, addresses: 0x110, routes: 0x440 } as const;

/** Links that are gone when their event is read are named by their index: "#7". */
export type NetlinkEvent =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'link-removed'; readonly link: Link }
  | { readonly kind: 'address' | 'address-removed'; readonly address: InterfaceAddress }
  | { readonly kind: 'route' | 'route-removed'; readonly route: Route }
  /** Events are missing before this one: whoever keeps state reads it all again. */
  | { readonly kind: 'lost' };

export interface NetlinkWatch {
  /** Events that the kernel dropped or that could not be read. */
  readonly lossCount: number;
  close(): void;
}

export interface WatchOptions {
  readonly of: readonly (keyof typeof GROUPS)[];
  readonly onEvent: (event: NetlinkEvent) => void;
}

/** Watches a namespace (default: the process' own); events come in the kernel's order. Memory is bounded by the socket's buffer in the kernel. */
export function watchNetlink(netns: Netns | string | undefined, options: WatchOptions): NetlinkWatch {
  const groups = options.of.reduce((mask, group) => mask | GROUPS[group], 0);
  const open = (): NetlinkSocket => new NetlinkSocket(NETLINK_ROUTE, groups);
  const socket = netns === undefined ? open() : inNetns(netns, open);
  socket.setReceiveBuffer(RECEIVE_BUFFER_BYTES);
  let lossCount = 0;
  const onDrop = (count: number): void => {
    lossCount += count;
    options.onEvent({ kind: 'lost' });
  };
  // A link that is gone already has no name left, yet its last events must not be lost.
  const nameOf = (index: number): string => socket.nameOf(index) ?? `#${index}`;
  const close = listenNetlink(socket, {
    decode: (message) => decodeEvent(message, nameOf),
    onItem: options.onEvent,
    onDrop,
    onError: () => onDrop(1),
  });
  return {
    get lossCount() {
      return lossCount;
    },
    close,
  };
}

/** Links alone: `onChange` is told that something about one changed, appeared or went (`undefined`: look at all of them). */
export function watchLinks(
  netns: Netns | string | undefined,
  onChange: (link: Link | undefined) => void,
): NetlinkWatch {
  return watchNetlink(netns, {
    of: ['links'],
    onEvent: (event) =>
      onChange(event.kind === 'link' || event.kind === 'link-removed' ? event.link : undefined),
  });
}

function decodeEvent(message: Message, nameOf: NameOf): NetlinkEvent | undefined {
  switch (message.type) {
    case c.RTM_NEWLINK:
      return isBridgePort(message) ? undefined : { kind: 'link', link: decodeLink(message, nameOf) };
    case c.RTM_DELLINK:
      return isBridgePort(message) ? undefined : { kind: 'link-removed', link: decodeLink(message, nameOf) };
    case c.RTM_NEWADDR:
    case c.RTM_DELADDR: {
      const address = decodeAddress(message, nameOf);
      const kind = message.type === c.RTM_NEWADDR ? 'address' : 'address-removed';
      return address === undefined ? undefined : { kind, address };
    }
    case c.RTM_NEWROUTE:
    case c.RTM_DELROUTE: {
      const route = decodeRoute(message, nameOf);
      const kind = message.type === c.RTM_NEWROUTE ? 'route' : 'route-removed';
      return route === undefined ? undefined : { kind, route };
    }
    default:
      return undefined;
  }
}

/** Bridges announce their ports under a family of their own: a port that leaves its bridge (RTM_DELLINK) is still there. */
function isBridgePort(message: Message): boolean {
  return message.payload[0] === c.AF_BRIDGE;
}
