// Routes: RTM_NEWROUTE and its relatives. Several next hops of one route are read as a route without gateway and link.

import { cidrBase, cidrLength, cidrOf, type Cidr } from '../../base/cidr.ts';
import { familyOf, ipToBytes, type Family, type Ip } from '../../base/ip.ts';
import * as c from './constants.ts';
import { decodeIp, type IndexOf, type NameOf } from './link.ts';
import { attributeU32, fixedPart, readAttributes, type Attributes, type Message } from './reader.ts';
import { RTPROT_FAIRLEAD, type NetlinkChange, type Route, type RouteSpec, type RouteType } from './types.ts';
import { MessageWriter } from './writer.ts';

const RTMSG_BYTES = 12;

/** RTN_* of linux/rtnetlink.h; the kernel's own broadcast, anycast and multicast routes are no concern of ours. */
const ROUTE_TYPES: Readonly<Record<RouteType, number>> = {
  unicast: 1,
  local: 2,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};
const ROUTE_TYPE_NAMES = new Map(
  // The record's keys are the type's names: Object.entries forgets it.
  Object.entries(ROUTE_TYPES).map(([name, number]) => [number, name as RouteType] as const),
);
const SCOPES = { universe: c.RT_SCOPE_UNIVERSE, link: c.RT_SCOPE_LINK, host: c.RT_SCOPE_HOST } as const;

interface RouteHeader {
  readonly destination: Cidr;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
  readonly flags: number;
}

export function encodeReplaceRoute(route: RouteSpec, indexOf: IndexOf): readonly Uint8Array[] {
  const writer = new MessageWriter({
    type: c.RTM_NEWROUTE,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK | c.NLM_F_CREATE | c.NLM_F_REPLACE,
  });
  const type = route.type ?? 'unicast';
  writeRoute(writer, {
    destination: route.destination,
    table: route.table ?? c.RT_TABLE_MAIN,
    protocol: route.protocol ?? RTPROT_FAIRLEAD,
    scope: SCOPES[route.scope ?? defaultScope(route)],
    type: ROUTE_TYPES[type],
    flags: route.isOnlink === true ? c.RTNH_F_ONLINK : 0,
  });
  if (route.gateway !== undefined) writeGateway(writer, route.gateway, familyOf(cidrBase(route.destination)));
  if (route.link !== undefined) writer.attributeU32(c.RTA_OIF, indexOf(route.link));
  if (route.source !== undefined) writer.attribute(c.RTA_PREFSRC, ipToBytes(route.source));
  const { mtuBytes } = route;
  if (mtuBytes !== undefined) {
    writer.nest(c.RTA_METRICS, (metrics) => metrics.attributeU32(c.RTAX_MTU, mtuBytes));
  }
  return [writer.finish()];
}

export function encodeDeleteRoute(
  change: Extract<NetlinkChange, { readonly kind: 'delete-route' }>,
  indexOf: IndexOf,
): readonly Uint8Array[] {
  const writer = new MessageWriter({ type: c.RTM_DELROUTE, flags: c.NLM_F_REQUEST | c.NLM_F_ACK });
  writeRoute(writer, {
    destination: change.destination,
    table: change.table ?? c.RT_TABLE_MAIN,
    protocol: change.protocol ?? RTPROT_FAIRLEAD,
    scope: c.RT_SCOPE_NOWHERE,
    type: 0,
    flags: 0,
  });
  if (change.gateway !== undefined) {
    writeGateway(writer, change.gateway, familyOf(cidrBase(change.destination)));
  }
  if (change.link !== undefined) writer.attributeU32(c.RTA_OIF, indexOf(change.link));
  return [writer.finish()];
}

/** Asks for the routes of a family; with strict checking on, the kernel itself keeps to `table` and `index`. */
export function encodeGetRoutes(
  family: Family,
  filter: { readonly table?: number | undefined; readonly index?: number | undefined },
): Uint8Array {
  const writer = new MessageWriter({ type: c.RTM_GETROUTE, flags: c.NLM_F_REQUEST | c.NLM_F_DUMP });
  writer
    .u8(family === 4 ? c.AF_INET : c.AF_INET6)
    .u8(0)
    .u16(0)
    .u32(0)
    .u32(0);
  if (filter.table !== undefined) writer.attributeU32(c.RTA_TABLE, filter.table);
  if (filter.index !== undefined) writer.attributeU32(c.RTA_OIF, filter.index);
  return writer.finish();
}

/** Undefined for types of route that the model does not know and for cloned ones (learned MTUs). */
export function decodeRoute(message: Message, nameOf: NameOf): Route | undefined {
  const view = fixedPart(message.payload, RTMSG_BYTES);
  const attributes = readAttributes(message.payload, RTMSG_BYTES);
  const family = familyOfNumber(view.getUint8(0));
  const type = ROUTE_TYPE_NAMES.get(view.getUint8(7));
  const flags = view.getUint32(8, true);
  if (family === undefined || type === undefined || (flags & c.RTM_F_CLONED) !== 0) return undefined;
  const destination = decodePrefix(attributes.get(c.RTA_DST), view.getUint8(1), family);
  if (destination === undefined) return undefined;
  const link = attributeU32(attributes.get(c.RTA_OIF));
  return {
    family,
    destination,
    gateway: decodeGateway(attributes),
    link: link === undefined ? undefined : nameOf(link),
    source: decodeIp(attributes.get(c.RTA_PREFSRC)),
    table: attributeU32(attributes.get(c.RTA_TABLE)) ?? view.getUint8(4),
    isOnlink: (flags & c.RTNH_F_ONLINK) !== 0,
    protocol: view.getUint8(5),
    mtuBytes: decodeMtu(attributes.get(c.RTA_METRICS)),
    type,
  };
}

/** The prefix of an address attribute that the kernel leaves out for length 0; undefined where the two do not fit. */
export function decodePrefix(
  value: Uint8Array | undefined,
  prefixLength: number,
  family: Family,
): Cidr | undefined {
  const width = family === 4 ? 4 : 16;
  const base = decodeIp(value ?? new Uint8Array(width));
  if (base === undefined || familyOf(base) !== family || prefixLength > width * 8) return undefined;
  return cidrOf(base, prefixLength);
}

export function familyOfNumber(number: number): Family | undefined {
  if (number === c.AF_INET) return 4;
  return number === c.AF_INET6 ? 6 : undefined;
}

function defaultScope(route: RouteSpec): keyof typeof SCOPES {
  if (route.type === 'local') return 'host';
  return route.gateway === undefined && (route.type ?? 'unicast') === 'unicast' ? 'link' : 'universe';
}

function writeRoute(writer: MessageWriter, header: RouteHeader): void {
  const { destination, table } = header;
  const base = cidrBase(destination);
  writer
    .u8(familyOf(base) === 4 ? c.AF_INET : c.AF_INET6)
    .u8(cidrLength(destination))
    .u8(0)
    .u8(0);
  // The header's table has 8 bits; RTA_TABLE leads wherever it is given.
  writer
    .u8(table < 256 ? table : c.RT_TABLE_UNSPEC)
    .u8(header.protocol)
    .u8(header.scope)
    .u8(header.type);
  writer.u32(header.flags).attributeU32(c.RTA_TABLE, table).attribute(c.RTA_DST, ipToBytes(base));
}

/** A gateway of the other family (RFC 5549) goes into RTA_VIA: address family, then the address. */
function writeGateway(writer: MessageWriter, gateway: Ip, family: Family): void {
  const bytes = ipToBytes(gateway);
  if (familyOf(gateway) === family) {
    writer.attribute(c.RTA_GATEWAY, bytes);
    return;
  }
  const via = new Uint8Array(2 + bytes.length);
  via[0] = familyOf(gateway) === 4 ? c.AF_INET : c.AF_INET6;
  via.set(bytes, 2);
  writer.attribute(c.RTA_VIA, via);
}

function decodeGateway(attributes: Attributes): Ip | undefined {
  return decodeIp(attributes.get(c.RTA_GATEWAY)) ?? decodeIp(attributes.get(c.RTA_VIA)?.subarray(2));
}

function decodeMtu(metrics: Uint8Array | undefined): number | undefined {
  return metrics === undefined ? undefined : attributeU32(readAttributes(metrics).get(c.RTAX_MTU));
}
