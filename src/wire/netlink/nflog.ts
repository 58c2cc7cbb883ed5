// Packets that netfilter logs to a group (nftables "log group N"): linux/netfilter/nfnetlink_log.h. Numbers are in network byte order here,
// and the packet itself is whatever somebody sent: it is passed on as bytes.

import * as c from './constants.ts';
import { be32, readBe16, readBe32 } from './network-order.ts';
import { attributeText, fixedPart, readAttributes, type Message } from './reader.ts';
import type { Family } from '../../base/ip.ts';
import { MessageWriter } from './writer.ts';

const NFNL_SUBSYS_ULOG = 4;
const NFULNL_MSG_PACKET = 0;
const NFULNL_MSG_CONFIG = 1;
const NFULNL_CFG_CMD_BIND = 1;
const NFULNL_COPY_PACKET = 2;
const NFULNL_CFG_F_SEQ = 1;
const NFULA_CFG_CMD = 1;
const NFULA_CFG_MODE = 2;
const NFULA_CFG_TIMEOUT = 4;
const NFULA_CFG_QTHRESH = 5;
const NFULA_CFG_FLAGS = 6;
const NFULA_PACKET_HDR = 1;
const NFULA_MARK = 2;
const NFULA_IFINDEX_INDEV = 4;
const NFULA_IFINDEX_OUTDEV = 5;
const NFULA_PAYLOAD = 9;
const NFULA_PREFIX = 10;
const NFULA_SEQ = 12;
const NFGENMSG_BYTES = 4;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

/** The hooks of netfilter in the kernel's order (linux/netfilter.h). */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

export type NetfilterHook = (typeof HOOKS)[number];

export interface LoggedPacket {
  /** Of the rule that logged it: who and why. */
  readonly prefix: string;
  /** Undefined for what is neither IPv4 nor IPv6. */
  readonly family: Family | undefined;
  readonly hook: NetfilterHook | undefined;
  readonly inLinkIndex: number | undefined;
  readonly outLinkIndex: number | undefined;
  readonly mark: number;
  /** From the network header on, cut to what was asked for. */
  readonly payload: Uint8Array;
  /** Counts the packets of a group; a gap is a loss. */
  readonly sequence: number | undefined;
}

export interface NflogSettings {
  readonly group: number;
  /** So much of each packet is copied. */
  readonly snapBytes: number;
  /** The kernel gathers up to so many packets … */
  readonly batch: number;
  /** … or for so long, in hundredths of a second. */
  readonly holdCentiseconds: number;
}

/** The requests that bind a socket to a group; the first one fails with EBUSY where another process has it. */
export function encodeNflogBind(settings: NflogSettings): readonly Uint8Array[] {
  const command = config(settings.group)
    .attribute(NFULA_CFG_CMD, Uint8Array.of(NFULNL_CFG_CMD_BIND))
    .finish();
  const mode = new Uint8Array(6);
  mode.set(be32(settings.snapBytes));
  mode[4] = NFULNL_COPY_PACKET;
  const rest = config(settings.group)
    .attribute(NFULA_CFG_MODE, mode)
    .attribute(NFULA_CFG_QTHRESH, be32(settings.batch))
    .attribute(NFULA_CFG_TIMEOUT, be32(settings.holdCentiseconds))
    .attribute(NFULA_CFG_FLAGS, Uint8Array.of(0, NFULNL_CFG_F_SEQ))
    .finish();
  return [command, rest];
}

/** The packet of a message; undefined for every other kind of message. The payload is a copy. */
export function decodeLoggedPacket(message: Message): LoggedPacket | undefined {
  if (message.type !== ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET)) return undefined;
  fixedPart(message.payload, NFGENMSG_BYTES);
  const attributes = readAttributes(message.payload, NFGENMSG_BYTES);
  const header = attributes.get(NFULA_PACKET_HDR);
  return {
    prefix: attributeText(attributes.get(NFULA_PREFIX)) ?? '',
    family: familyOfEthernet(readBe16(header)),
    hook: header === undefined ? undefined : HOOKS[header[2] ?? HOOKS.length],
    inLinkIndex: readBe32(attributes.get(NFULA_IFINDEX_INDEV)),
    outLinkIndex: readBe32(attributes.get(NFULA_IFINDEX_OUTDEV)),
    mark: readBe32(attributes.get(NFULA_MARK)) ?? 0,
    // Not `slice`: of Node's buffers that shares the memory, which the next datagram overwrites.
    payload: new Uint8Array(attributes.get(NFULA_PAYLOAD) ?? []),
    sequence: readBe32(attributes.get(NFULA_SEQ)),
  };
}

/** struct nfgenmsg: family, version, the group in network byte order. */
function config(group: number): MessageWriter {
  const type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
  const writer = new MessageWriter({ type, flags: c.NLM_F_REQUEST | c.NLM_F_ACK });
  return writer
    .u8(c.AF_UNSPEC)
    .u8(0)
    .u8(group >> 8)
    .u8(group & 0xff);
}

function familyOfEthernet(protocol: number | undefined): Family | undefined {
  if (protocol === ETH_P_IP) return 4;
  return protocol === ETH_P_IPV6 ? 6 : undefined;
}
