// Interface addresses: RTM_NEWADDR and its relatives.

import { familyOf, ipToBytes } from '../../base/ip.ts';
import * as c from './constants.ts';
import { decodeIp, type IndexOf, type NameOf } from './link.ts';
import { fixedPart, readAttributes, type Message } from './reader.ts';
import type { InterfaceAddress } from './types.ts';
import { MessageWriter } from './writer.ts';

const IFADDRMSG_BYTES = 8;
/** struct ifa_cacheinfo: preferred for no time, valid for ever, two times that the kernel writes. */
const DEPRECATED_FOREVER = Uint8Array.of(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0);

/** Adds (`already-exists` where it is there) or deletes an address. */
export function encodeAddress(
  change: InterfaceAddress & { readonly kind: 'add-address' | 'delete-address' },
  indexOf: IndexOf,
): readonly Uint8Array[] {
  const isAdd = change.kind === 'add-address';
  const writer = new MessageWriter({
    type: isAdd ? c.RTM_NEWADDR : c.RTM_DELADDR,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK | (isAdd ? c.NLM_F_CREATE | c.NLM_F_EXCL : 0),
  });
  const isIpv4 = familyOf(change.ip) === 4;
  const isNeverSource = isAdd && change.isNeverSource === true;
  const bytes = ipToBytes(change.ip);
  writer
    .u8(isIpv4 ? c.AF_INET : c.AF_INET6)
    .u8(change.prefixLength)
    .u8(c.IFA_F_NODAD);
  writer.u8(isNeverSource && isIpv4 ? c.RT_SCOPE_HOST : c.RT_SCOPE_UNIVERSE);
  writer.u32(indexOf(change.link)).attribute(c.IFA_LOCAL, bytes).attribute(c.IFA_ADDRESS, bytes);
  if (isNeverSource && !isIpv4) writer.attribute(c.IFA_CACHEINFO, DEPRECATED_FOREVER);
  return [writer.finish()];
}

/** Asks for the addresses of both families, of one link where `index` is given. */
export function encodeGetAddresses(index = 0): Uint8Array {
  const writer = new MessageWriter({ type: c.RTM_GETADDR, flags: c.NLM_F_REQUEST | c.NLM_F_DUMP });
  return writer.u8(c.AF_UNSPEC).u8(0).u16(0).u32(index).finish();
}

/** Undefined for what carries no IP address or lies on a link that is gone. */
export function decodeAddress(message: Message, nameOf: NameOf): InterfaceAddress | undefined {
  const view = fixedPart(message.payload, IFADDRMSG_BYTES);
  const attributes = readAttributes(message.payload, IFADDRMSG_BYTES);
  // On point-to-point links IFA_ADDRESS is the peer's; IFA_LOCAL is ours wherever it is given.
  const ip = decodeIp(attributes.get(c.IFA_LOCAL) ?? attributes.get(c.IFA_ADDRESS));
  const link = nameOf(view.getUint32(4, true));
  if (ip === undefined || link === undefined) return undefined;
  // Scopes of IPv6 addresses follow from the address: ::1 is not what is meant.
  const isNeverSource =
    familyOf(ip) === 4 ? view.getUint8(3) === c.RT_SCOPE_HOST : (view.getUint8(2) & c.IFA_F_DEPRECATED) !== 0;
  const address = { link, ip, prefixLength: view.getUint8(1) };
  return isNeverSource ? { ...address, isNeverSource } : address;
}
