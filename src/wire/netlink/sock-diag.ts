// Sockets as the kernel lists and ends them: sock_diag and inet_diag (linux/sock_diag.h, linux/inet_diag.h).

import { ipFromBytes, ipFromMappedBytes, type Family, type Ip } from '../../base/ip.ts';
import * as c from './constants.ts';
import { fixedPart, type Message } from './reader.ts';
import { familyOfNumber } from './route.ts';
import { MessageWriter } from './writer.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const SOCK_DESTROY = 21;
/** struct inet_diag_msg: family, state, timer and retransmissions, then the socket's id, then five counters. */
const INET_DIAG_MSG_BYTES = 72;
const ID_OFFSET = 4;
/** struct inet_diag_sockid: two ports, two addresses of 16 bytes, the link, the cookie. */
const ID_BYTES = 48;
const COOKIE_OFFSET = 40;
const NO_ID = new Uint8Array(ID_BYTES);
const IPPROTO_UDP = 17;
const ESTABLISHED = 1;
const ALL_STATES = 0xffff_ffff;

/** A connected UDP socket. */
export interface ConnectedSocket {
  /** That of the socket: one of IPv6 may have a peer of IPv4. */
  readonly family: Family;
  readonly localIp: Ip;
  readonly localPort: number;
  /** An IPv4-mapped one as IPv4. */
  readonly peerIp: Ip;
  readonly peerPort: number;
  /** SO_COOKIE: no other socket ever has it while the machine runs. */
  readonly cookie: bigint;
  /** By what the kernel knows it (struct inet_diag_sockid). */
  readonly id: Uint8Array;
}

/** Asks for the connected UDP sockets of a family. */
export function encodeListUdpSockets(family: Family): Uint8Array {
  const flags = c.NLM_F_REQUEST | c.NLM_F_DUMP;
  return header(SOCK_DIAG_BY_FAMILY, { family, flags, states: 1 << ESTABLISHED, id: NO_ID }).finish();
}

/** Ends exactly this socket: whoever uses it gets ECONNABORTED. ENOENT where it is gone. */
export function encodeDestroyUdpSocket({ family, id }: Pick<ConnectedSocket, 'family' | 'id'>): Uint8Array {
  return header(SOCK_DESTROY, {
    family,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK,
    states: ALL_STATES,
    id,
  }).finish();
}

/** An id that no socket has. */
export const NO_SOCKET: Pick<ConnectedSocket, 'family' | 'id'> = { family: 4, id: NO_ID };

/** Undefined for messages of another kind. Shares no memory with the message. */
export function decodeUdpSocket(message: Message): ConnectedSocket | undefined {
  if (message.type !== SOCK_DIAG_BY_FAMILY) return undefined;
  const view = fixedPart(message.payload, INET_DIAG_MSG_BYTES);
  const family = familyOfNumber(view.getUint8(0));
  if (family === undefined) return undefined;
  const id = message.payload.slice(ID_OFFSET, ID_OFFSET + ID_BYTES);
  return {
    family,
    localIp: ipAt(id, 4, family),
    localPort: view.getUint16(ID_OFFSET),
    peerIp: ipAt(id, 20, family),
    peerPort: view.getUint16(ID_OFFSET + 2),
    cookie: view.getBigUint64(ID_OFFSET + COOKIE_OFFSET, true),
    id,
  };
}

function ipAt(id: Uint8Array, offset: number, family: Family): Ip {
  return family === 4
    ? ipFromBytes(id.subarray(offset, offset + 4))
    : ipFromMappedBytes(id.subarray(offset, offset + 16));
}

interface Request {
  readonly family: Family;
  readonly flags: number;
  /** Bit mask of socket states. */
  readonly states: number;
  readonly id: Uint8Array;
}

/** struct inet_diag_req_v2. */
function header(type: number, { family, flags, states, id }: Request): MessageWriter {
  const writer = new MessageWriter({ type, flags });
  writer
    .u8(family === 4 ? c.AF_INET : c.AF_INET6)
    .u8(IPPROTO_UDP)
    .u16(0)
    .u32(states);
  for (const byte of id) writer.u8(byte);
  return writer;
}
