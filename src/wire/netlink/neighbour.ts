// Neighbours (ARP, ND) and forwarding entries of tunnel devices: both are RTM_NEWNEIGH, told apart by the family.

import { familyOf, ipToBytes } from '../../base/ip.ts';
import { macFromBytes, macToBytes } from '../../base/mac.ts';
import * as c from './constants.ts';
import { decodeIp, type IndexOf, type NameOf } from './link.ts';
import { fixedPart, readAttributes, type Message } from './reader.ts';
import type { ForwardingEntry, Neighbour, NetlinkChange } from './types.ts';
import { MessageWriter } from './writer.ts';

const NDMSG_BYTES = 12;
const ALL_ZERO_MAC = '00:00:00:00:00:00';

type Change<Kind extends NetlinkChange['kind']> = Extract<NetlinkChange, { readonly kind: Kind }>;

export function encodeNeighbour(
  change: Change<'replace-neighbour' | 'delete-neighbour'>,
  indexOf: IndexOf,
): readonly Uint8Array[] {
  const isDelete = change.kind === 'delete-neighbour';
  const writer = request(isDelete ? c.RTM_DELNEIGH : c.RTM_NEWNEIGH, isDelete ? 0 : c.NLM_F_REPLACE);
  const family = familyOf(change.ip) === 4 ? c.AF_INET : c.AF_INET6;
  writeNdmsg(writer, {
    family,
    index: indexOf(change.link),
    state: isDelete ? 0 : c.NUD_PERMANENT,
    flags: 0,
  });
  writer.attribute(c.NDA_DST, ipToBytes(change.ip));
  if (change.kind === 'replace-neighbour') writer.attribute(c.NDA_LLADDR, macToBytes(change.mac));
  return [writer.finish()];
}

export function encodeForwarding(
  change: Change<'replace-forwarding' | 'delete-forwarding'>,
  indexOf: IndexOf,
): readonly Uint8Array[] {
  // The all-zero entry is a list of tunnel ends, which the kernel only ever appends to (vxlan_fdb_update).
  const replace = change.mac === ALL_ZERO_MAC ? c.NLM_F_APPEND : c.NLM_F_REPLACE;
  const isDelete = change.kind === 'delete-forwarding';
  const writer = request(isDelete ? c.RTM_DELNEIGH : c.RTM_NEWNEIGH, isDelete ? 0 : replace);
  const state = isDelete ? 0 : c.NUD_PERMANENT | c.NUD_NOARP;
  writeNdmsg(writer, { family: c.AF_BRIDGE, index: indexOf(change.link), state, flags: c.NTF_SELF });
  writer.attribute(c.NDA_LLADDR, macToBytes(change.mac));
  if (change.destination !== undefined) writer.attribute(c.NDA_DST, ipToBytes(change.destination));
  return [writer.finish()];
}

/** Asks for the neighbours of both families, of one link where `index` is given. */
export function encodeGetNeighbours(index?: number): Uint8Array {
  const writer = dump();
  writeNdmsg(writer, { family: c.AF_UNSPEC, index: 0, state: 0, flags: 0 });
  if (index !== undefined) writer.attributeU32(c.NDA_IFINDEX, index);
  return writer.finish();
}

/** Asks for the forwarding entries of one device; bridges' ports answer too, so the reader compares the link. */
export function encodeGetForwardings(index: number): Uint8Array {
  const writer = dump();
  writeNdmsg(writer, { family: c.AF_BRIDGE, index, state: 0, flags: 0 });
  return writer.finish();
}

/** Undefined for entries without an Ethernet address (unresolved) and for those that the kernel makes itself (NUD_NOARP). */
export function decodeNeighbour(message: Message, nameOf: NameOf): Neighbour | undefined {
  const view = fixedPart(message.payload, NDMSG_BYTES);
  const attributes = readAttributes(message.payload, NDMSG_BYTES);
  const family = view.getUint8(0);
  const ip = decodeIp(attributes.get(c.NDA_DST));
  const mac = attributes.get(c.NDA_LLADDR);
  const link = nameOf(view.getInt32(4, true));
  const state = view.getUint16(8, true);
  if (family !== c.AF_INET && family !== c.AF_INET6) return undefined;
  if (ip === undefined || link === undefined || mac?.length !== 6) return undefined;
  if ((state & c.NUD_NOARP) !== 0) return undefined;
  return { link, ip, mac: macFromBytes(mac), isPermanent: (state & c.NUD_PERMANENT) !== 0 };
}

/** Undefined for what is no entry of the device with index `index`. */
export function decodeForwarding(message: Message, index: number, link: string): ForwardingEntry | undefined {
  const view = fixedPart(message.payload, NDMSG_BYTES);
  const attributes = readAttributes(message.payload, NDMSG_BYTES);
  const mac = attributes.get(c.NDA_LLADDR);
  if (view.getUint8(0) !== c.AF_BRIDGE || view.getInt32(4, true) !== index) return undefined;
  if (mac?.length !== 6) return undefined;
  return { link, mac: macFromBytes(mac), destination: decodeIp(attributes.get(c.NDA_DST)) };
}

interface NeighbourHeader {
  readonly family: number;
  readonly index: number;
  readonly state: number;
  readonly flags: number;
}

function writeNdmsg(writer: MessageWriter, header: NeighbourHeader): void {
  writer.u8(header.family).u8(0).u16(0).u32(header.index).u16(header.state).u8(header.flags).u8(0);
}

function request(type: number, flags: number): MessageWriter {
  const create = type === c.RTM_NEWNEIGH ? c.NLM_F_CREATE : 0;
  return new MessageWriter({ type, flags: c.NLM_F_REQUEST | c.NLM_F_ACK | create | flags });
}

function dump(): MessageWriter {
  return new MessageWriter({ type: c.RTM_GETNEIGH, flags: c.NLM_F_REQUEST | c.NLM_F_DUMP });
}
