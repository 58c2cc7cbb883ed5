// IPVS: virtual services and their destinations (linux/ip_vs.h, version 1 of its generic netlink family).

import { familyOf, ipFromBytes, ipToBytes, type Family, type Ip } from '../../base/ip.ts';
import { parsePort, PROTOCOL_NUMBERS, type Port, type Protocol } from '../../base/port.ts';
import * as c from './constants.ts';
import { GENL_HEADER_BYTES } from './generic.ts';
import { be16, be32, readBe16 } from './network-order.ts';
import { attributeText, attributeU32, readAttributes, type Attributes, type Message } from './reader.ts';
import { MessageWriter } from './writer.ts';

export const IPVS_FAMILY = 'IPVS';
const IPVS_VERSION = 1;
const IPVS_CMD_NEW_SERVICE = 1;
const IPVS_CMD_SET_SERVICE = 2;
const IPVS_CMD_DEL_SERVICE = 3;
const IPVS_CMD_GET_SERVICE = 4;
const IPVS_CMD_NEW_DEST = 5;
const IPVS_CMD_SET_DEST = 6;
const IPVS_CMD_DEL_DEST = 7;
const IPVS_CMD_GET_DEST = 8;
const IPVS_CMD_ATTR_SERVICE = 1;
const IPVS_CMD_ATTR_DEST = 2;
const IPVS_SVC_ATTR_AF = 1;
const IPVS_SVC_ATTR_PROTOCOL = 2;
const IPVS_SVC_ATTR_ADDR = 3;
const IPVS_SVC_ATTR_PORT = 4;
const IPVS_SVC_ATTR_FWMARK = 5;
const IPVS_SVC_ATTR_SCHED_NAME = 6;
const IPVS_SVC_ATTR_FLAGS = 7;
const IPVS_SVC_ATTR_TIMEOUT = 8;
const IPVS_SVC_ATTR_NETMASK = 9;
const IPVS_DEST_ATTR_ADDR = 1;
const IPVS_DEST_ATTR_PORT = 2;
const IPVS_DEST_ATTR_FWD_METHOD = 3;
const IPVS_DEST_ATTR_WEIGHT = 4;
const IPVS_DEST_ATTR_U_THRESH = 5;
const IPVS_DEST_ATTR_L_THRESH = 6;
const IPVS_DEST_ATTR_ACTIVE_CONNS = 7;
const IPVS_DEST_ATTR_INACT_CONNS = 8;
const IPVS_DEST_ATTR_PERSIST_CONNS = 9;
const IPVS_DEST_ATTR_ADDR_FAMILY = 11;
const IP_VS_SVC_F_PERSISTENT = 1;
/** Translation of addresses, the only way of forwarding that changes ports. */
const IP_VS_CONN_F_MASQ = 0;
const ADDRESS_BYTES = 16;
const ALL_FLAGS = 0xffff_ffff;

/** What a virtual service is found by: an address, or a mark of packets. */
export type IpvsKey =
  | { readonly kind: 'address'; readonly protocol: Protocol; readonly ip: Ip; readonly port: Port }
  | { readonly kind: 'mark'; readonly family: Family; readonly mark: number };

export interface IpvsService {
  readonly key: IpvsKey;
  /** "rr", "wlc", ...: the kernel loads `ip_vs_<scheduler>`. */
  readonly scheduler: string;
  /** How long a client address stays with its destination; 0 for not. */
  readonly persistenceS: number;
}

export interface IpvsDestination {
  readonly ip: Ip;
  readonly port: Port;
  /** 0 takes no new connections. */
  readonly weight: number;
}

/** A destination as the kernel has it. */
export interface IpvsDestinationState extends IpvsDestination {
  readonly activeConnections: number;
  /** Those that begin, end, or are of a protocol without connections. */
  readonly inactiveConnections: number;
  readonly persistentClients: number;
}

type IpvsVerb = 'add' | 'set' | 'delete';

export type IpvsChange =
  | { readonly kind: 'service'; readonly verb: IpvsVerb; readonly service: IpvsService }
  | {
      readonly kind: 'destination';
      readonly verb: IpvsVerb;
      readonly key: IpvsKey;
      readonly destination: IpvsDestination;
    };

/** Makes the message of the family with this number; it is answered where it is refused. */
export function encodeIpvsChange(family: number, change: IpvsChange): Uint8Array {
  return change.kind === 'service'
    ? encodeServiceChange(family, change)
    : encodeDestinationChange(family, change);
}

function encodeServiceChange(
  family: number,
  { verb, service }: Extract<IpvsChange, { readonly kind: 'service' }>,
): Uint8Array {
  const command = { add: IPVS_CMD_NEW_SERVICE, set: IPVS_CMD_SET_SERVICE, delete: IPVS_CMD_DEL_SERVICE };
  const writer = header(family, command[verb]);
  const isIpv4 = familyOfKey(service.key) === 4;
  return writer
    .nest(IPVS_CMD_ATTR_SERVICE, (it) => {
      writeKey(it, service.key);
      if (verb === 'delete') return;
      it.attributeText(IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
      it.attribute(IPVS_SVC_ATTR_FLAGS, flagsOf(service));
      it.attributeU32(IPVS_SVC_ATTR_TIMEOUT, service.persistenceS);
      // Whole addresses: IPv4 by a mask, IPv6 by a length.
      if (isIpv4) it.attribute(IPVS_SVC_ATTR_NETMASK, be32(0xffff_ffff));
      else it.attributeU32(IPVS_SVC_ATTR_NETMASK, 128);
    })
    .finish();
}

function encodeDestinationChange(
  family: number,
  { verb, key, destination }: Extract<IpvsChange, { readonly kind: 'destination' }>,
): Uint8Array {
  const command = { add: IPVS_CMD_NEW_DEST, set: IPVS_CMD_SET_DEST, delete: IPVS_CMD_DEL_DEST };
  const writer = header(family, command[verb]);
  writer.nest(IPVS_CMD_ATTR_SERVICE, (it) => writeKey(it, key));
  return writer
    .nest(IPVS_CMD_ATTR_DEST, (it) => {
      const number = familyOf(destination.ip) === 4 ? c.AF_INET : c.AF_INET6;
      it.attribute(IPVS_DEST_ATTR_ADDR_FAMILY, Uint8Array.of(number, 0));
      it.attribute(IPVS_DEST_ATTR_ADDR, paddedIp(destination.ip));
      it.attribute(IPVS_DEST_ATTR_PORT, be16(destination.port));
      if (verb === 'delete') return;
      it.attributeU32(IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
      it.attributeU32(IPVS_DEST_ATTR_WEIGHT, destination.weight);
      it.attributeU32(IPVS_DEST_ATTR_U_THRESH, 0).attributeU32(IPVS_DEST_ATTR_L_THRESH, 0);
    })
    .finish();
}

export function encodeListServices(family: number): Uint8Array {
  return header(family, IPVS_CMD_GET_SERVICE, c.NLM_F_DUMP).finish();
}

export function encodeListDestinations(family: number, key: IpvsKey): Uint8Array {
  const writer = header(family, IPVS_CMD_GET_DEST, c.NLM_F_DUMP);
  return writer.nest(IPVS_CMD_ATTR_SERVICE, (it) => writeKey(it, key)).finish();
}

/** Undefined for services of protocols and families that are not ours. */
export function decodeService(message: Message): IpvsService | undefined {
  const service = nestedOf(message, IPVS_CMD_ATTR_SERVICE);
  const number = u16(service.get(IPVS_SVC_ATTR_AF));
  const family = number === c.AF_INET ? 4 : number === c.AF_INET6 ? 6 : undefined;
  if (family === undefined) return undefined;
  const key = decodeKey(service, family);
  if (key === undefined) return undefined;
  const flags = attributeU32(service.get(IPVS_SVC_ATTR_FLAGS)) ?? 0;
  const isPersistent = (flags & IP_VS_SVC_F_PERSISTENT) !== 0;
  return {
    key,
    scheduler: attributeText(service.get(IPVS_SVC_ATTR_SCHED_NAME)) ?? '',
    persistenceS: isPersistent ? (attributeU32(service.get(IPVS_SVC_ATTR_TIMEOUT)) ?? 0) : 0,
  };
}

export function decodeDestination(message: Message): IpvsDestinationState | undefined {
  const destination = nestedOf(message, IPVS_CMD_ATTR_DEST);
  const address = destination.get(IPVS_DEST_ATTR_ADDR);
  const port = readBe16(destination.get(IPVS_DEST_ATTR_PORT));
  if (address === undefined || port === undefined || port === 0) return undefined;
  const family = u16(destination.get(IPVS_DEST_ATTR_ADDR_FAMILY));
  const count = (type: number): number => attributeU32(destination.get(type)) ?? 0;
  return {
    ip: ipFromBytes(address.subarray(0, family === c.AF_INET6 ? ADDRESS_BYTES : 4)),
    port: parsePort(port),
    weight: count(IPVS_DEST_ATTR_WEIGHT),
    activeConnections: count(IPVS_DEST_ATTR_ACTIVE_CONNS),
    inactiveConnections: count(IPVS_DEST_ATTR_INACT_CONNS),
    persistentClients: count(IPVS_DEST_ATTR_PERSIST_CONNS),
  };
}

function header(family: number, command: number, flags = 0): MessageWriter {
  return new MessageWriter({ type: family, flags: c.NLM_F_REQUEST | flags })
    .u8(command)
    .u8(IPVS_VERSION)
    .u16(0);
}

function familyOfKey(key: IpvsKey): Family {
  return key.kind === 'mark' ? key.family : familyOf(key.ip);
}

function writeKey(writer: MessageWriter, key: IpvsKey): void {
  const number = familyOfKey(key) === 4 ? c.AF_INET : c.AF_INET6;
  writer.attribute(IPVS_SVC_ATTR_AF, Uint8Array.of(number, 0));
  if (key.kind === 'mark') {
    writer.attributeU32(IPVS_SVC_ATTR_FWMARK, key.mark);
    return;
  }
  writer.attribute(IPVS_SVC_ATTR_PROTOCOL, Uint8Array.of(PROTOCOL_NUMBERS[key.protocol], 0));
  writer.attribute(IPVS_SVC_ATTR_ADDR, paddedIp(key.ip));
  writer.attribute(IPVS_SVC_ATTR_PORT, be16(key.port));
}

function decodeKey(service: Attributes, family: Family): IpvsKey | undefined {
  const mark = attributeU32(service.get(IPVS_SVC_ATTR_FWMARK));
  if (mark !== undefined && mark !== 0) return { kind: 'mark', family, mark };
  const number = u16(service.get(IPVS_SVC_ATTR_PROTOCOL));
  const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];
  const protocol = protocols.find((it) => PROTOCOL_NUMBERS[it] === number);
  const address = service.get(IPVS_SVC_ATTR_ADDR);
  const port = readBe16(service.get(IPVS_SVC_ATTR_PORT));
  // Port 0 is a service of all ports, which we never make.
  if (protocol === undefined || address === undefined || port === undefined || port === 0) return undefined;
  const ip = ipFromBytes(address.subarray(0, family === 4 ? 4 : ADDRESS_BYTES));
  return { kind: 'address', protocol, ip, port: parsePort(port) };
}

/** struct ip_vs_flags: the flags, then which of them are meant. */
function flagsOf({ persistenceS }: IpvsService): Uint8Array {
  const flags = new Uint8Array(8);
  const view = new DataView(flags.buffer);
  view.setUint32(0, persistenceS > 0 ? IP_VS_SVC_F_PERSISTENT : 0, true);
  view.setUint32(4, ALL_FLAGS, true);
  return flags;
}

/** union nf_inet_addr: 16 bytes, an IPv4 address first. */
function paddedIp(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  bytes.set(ipToBytes(ip));
  return bytes;
}

function nestedOf(message: Message, type: number): Attributes {
  const value = readAttributes(message.payload, GENL_HEADER_BYTES).get(type);
  return value === undefined ? new Map() : readAttributes(value);
}

function u16(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 2
    ? undefined
    : new DataView(value.buffer, value.byteOffset, 2).getUint16(0, true);
}
