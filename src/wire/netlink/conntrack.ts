// Flows that the kernel tracks: ctnetlink (linux/netfilter/nfnetlink_conntrack.h).

import { familyOf, ipToBytes, type Family, type Ip } from '../../base/ip.ts';
import * as c from './constants.ts';
import { decodeIp } from './link.ts';
import { be16, be32, readBe16, readBe32 } from './network-order.ts';
import { attributeU8, fixedPart, readAttributes, type Attributes, type Message } from './reader.ts';
import { familyOfNumber } from './route.ts';
import { MessageWriter } from './writer.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_NEW = 0;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const IPCTNL_MSG_CT_GET_STATS = 5;
const NFGENMSG_BYTES = 4;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_MARK_MASK = 21;
const CTA_PROTOINFO = 4;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
const CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;
/** linux/netfilter/nf_conntrack_tcp.h, enum tcp_conntrack. */
const TCP_CONNTRACK_TIME_WAIT = 7;
const TCP_CONNTRACK_CLOSE = 8;
/** Set of both sides where tracking began in the middle (`tcp_new` of nf_conntrack_proto_tcp.c): it cannot check windows there. */
const IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;
/** linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_status. */
const IPS_SEEN_REPLY = 1 << 1;
const IPS_ASSURED = 1 << 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_STATS_GLOBAL_ENTRIES = 1;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;

/** One direction of a flow. Ports are 0 for protocols that have none. */
export interface FlowTuple {
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface TrackedFlow {
  readonly family: Family;
  /** IPPROTO_*: 6 TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number;
  /** As the first packet was sent. */
  readonly original: FlowTuple;
  /** As answers are expected: where a translation was made, its source is the true endpoint. */
  readonly reply: FlowTuple;
  readonly mark: number;
  /** Seconds until the kernel forgets it. */
  readonly timeoutS: number;
  /** Tells a flow from a later one of the same tuple. */
  readonly id: number;
  readonly zone: number;
  /** TCP that both sides have closed (TIME_WAIT, CLOSE): late segments come at most. */
  readonly isOver: boolean;
  /** A packet went the other way, too. */
  readonly isAnswered: boolean;
  /** The kernel holds it for a true one, which it does not forget first where it runs out of room: TCP with its handshake, UDP that goes on to and fro. */
  readonly isAssured: boolean;
  /** TCP that was there before it was tracked: which end began it is not known. */
  readonly isTakenUp: boolean;
}

/** Asks for all flows of a family. */
export function encodeListFlows(family: Family): Uint8Array {
  return header(IPCTNL_MSG_CT_GET, family, c.NLM_F_REQUEST | c.NLM_F_DUMP).finish();
}

/** Asks how many flows of both families there are. */
export function encodeCountFlows(): Uint8Array {
  return header(IPCTNL_MSG_CT_GET_STATS, 4, c.NLM_F_REQUEST).finish();
}

/** The answer to `encodeCountFlows`. */
export function decodeFlowCount(message: Message): number {
  return readBe32(readAttributes(message.payload, NFGENMSG_BYTES).get(CTA_STATS_GLOBAL_ENTRIES)) ?? 0;
}

/** Ends tracking of exactly this flow: ENOENT where it is gone, or its tuple belongs to another one now. */
export function encodeDeleteFlow(flow: TrackedFlow): Uint8Array {
  const writer = header(IPCTNL_MSG_CT_DELETE, flow.family, c.NLM_F_REQUEST | c.NLM_F_ACK);
  writer.nest(CTA_TUPLE_ORIG, (tuple) => writeTuple(tuple, flow.original, flow.protocol));
  if (flow.zone !== 0) writer.attribute(CTA_ZONE, be16(flow.zone));
  return writer.attribute(CTA_ID, be32(flow.id)).finish();
}

/** Bits of a mark, and what they are to be. */
export interface MarkChange {
  readonly mask: number;
  readonly value: number;
}

/** Changes bits of the flow's mark: ENOENT where it is gone. The kernel goes by the tuple alone. */
export function encodeChangeMark(flow: TrackedFlow, { mask, value }: MarkChange): Uint8Array {
  const writer = header(IPCTNL_MSG_CT_NEW, flow.family, c.NLM_F_REQUEST | c.NLM_F_ACK);
  writer.nest(CTA_TUPLE_ORIG, (tuple) => writeTuple(tuple, flow.original, flow.protocol));
  if (flow.zone !== 0) writer.attribute(CTA_ZONE, be16(flow.zone));
  return writer.attribute(CTA_MARK, be32(value)).attribute(CTA_MARK_MASK, be32(mask)).finish();
}

/** Undefined for messages of another kind and for flows without addresses. */
export function decodeFlow(message: Message): TrackedFlow | undefined {
  if (message.type !== typeOf(IPCTNL_MSG_CT_NEW)) return undefined;
  const family = familyOfNumber(fixedPart(message.payload, NFGENMSG_BYTES).getUint8(0));
  const attributes = readAttributes(message.payload, NFGENMSG_BYTES);
  const original = decodeTuple(attributes.get(CTA_TUPLE_ORIG));
  const reply = decodeTuple(attributes.get(CTA_TUPLE_REPLY));
  if (family === undefined || original === undefined || reply === undefined) return undefined;
  const status = readBe32(attributes.get(CTA_STATUS)) ?? 0;
  const tcp = nested(nested(attributes, CTA_PROTOINFO), CTA_PROTOINFO_TCP);
  return {
    family,
    protocol: original.protocol,
    original: original.tuple,
    reply: reply.tuple,
    mark: readBe32(attributes.get(CTA_MARK)) ?? 0,
    timeoutS: readBe32(attributes.get(CTA_TIMEOUT)) ?? 0,
    id: readBe32(attributes.get(CTA_ID)) ?? 0,
    zone: readBe16(attributes.get(CTA_ZONE)) ?? 0,
    isOver: isOver(tcp),
    isAnswered: (status & IPS_SEEN_REPLY) !== 0,
    isAssured: (status & IPS_ASSURED) !== 0,
    isTakenUp: [CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY].every(
      // struct nf_ct_tcp_flags: flags, mask.
      (it) => ((tcp.get(it)?.[0] ?? 0) & IP_CT_TCP_FLAG_BE_LIBERAL) !== 0,
    ),
  };
}

function isOver(tcp: Attributes): boolean {
  const state = attributeU8(tcp.get(CTA_PROTOINFO_TCP_STATE));
  return state === TCP_CONNTRACK_TIME_WAIT || state === TCP_CONNTRACK_CLOSE;
}

function header(type: number, family: Family, flags: number): MessageWriter {
  const number = family === 4 ? c.AF_INET : c.AF_INET6;
  return new MessageWriter({ type: typeOf(type), flags }).u8(number).u8(0).u16(0);
}

function typeOf(message: number): number {
  return (NFNL_SUBSYS_CTNETLINK << 8) | message;
}

function writeTuple(writer: MessageWriter, tuple: FlowTuple, protocol: number): void {
  const isIpv4 = familyOf(tuple.source) === 4;
  writer.nest(CTA_TUPLE_IP, (ip) => {
    ip.attribute(isIpv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, ipToBytes(tuple.source));
    ip.attribute(isIpv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, ipToBytes(tuple.destination));
  });
  writer.nest(CTA_TUPLE_PROTO, (proto) => {
    proto.attributeU8(CTA_PROTO_NUM, protocol);
    proto.attribute(CTA_PROTO_SRC_PORT, be16(tuple.sourcePort));
    proto.attribute(CTA_PROTO_DST_PORT, be16(tuple.destinationPort));
  });
}

function decodeTuple(
  value: Uint8Array | undefined,
): { readonly tuple: FlowTuple; readonly protocol: number } | undefined {
  if (value === undefined) return undefined;
  const parts = readAttributes(value);
  const ip = nested(parts, CTA_TUPLE_IP);
  const proto = nested(parts, CTA_TUPLE_PROTO);
  const source = decodeIp(ip.get(CTA_IP_V4_SRC) ?? ip.get(CTA_IP_V6_SRC));
  const destination = decodeIp(ip.get(CTA_IP_V4_DST) ?? ip.get(CTA_IP_V6_DST));
  const protocol = attributeU8(proto.get(CTA_PROTO_NUM));
  if (source === undefined || destination === undefined || protocol === undefined) return undefined;
  const sourcePort = readBe16(proto.get(CTA_PROTO_SRC_PORT)) ?? 0;
  const destinationPort = readBe16(proto.get(CTA_PROTO_DST_PORT)) ?? 0;
  return { tuple: { source, destination, sourcePort, destinationPort }, protocol };
}

function nested(attributes: Attributes, type: number): Attributes {
  const value = attributes.get(type);
  return value === undefined ? new Map() : readAttributes(value);
}
