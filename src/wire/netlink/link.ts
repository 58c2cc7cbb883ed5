// Links: RTM_NEWLINK and its relatives, with the kinds that the product makes.

import { FairleadError } from '../../base/errors.ts';
import { familyOf, ipFromBytes, ipToBytes, type Ip } from '../../base/ip.ts';
import { macFromBytes, macToBytes, type Mac } from '../../base/mac.ts';
import * as c from './constants.ts';
import { attributeText, attributeU32, attributeU8, fixedPart, readAttributes } from './reader.ts';
import type { Attributes, Message } from './reader.ts';
import type { Link, NetlinkChange, NetnsFd, Vxlan } from './types.ts';
import { MessageWriter } from './writer.ts';

const IFINFOMSG_BYTES = 16;

type Change<Kind extends NetlinkChange['kind']> = Extract<NetlinkChange, { readonly kind: Kind }>;

/** Index of a link by name; throws `not-found` naming it. */
export type IndexOf = (link: string) => number;
/** Name of a link by index, undefined where it is gone meanwhile. */
export type NameOf = (index: number) => string | undefined;

interface LinkFields {
  readonly name?: string | undefined;
  readonly mac?: Mac | undefined;
  readonly mtuBytes?: number | undefined;
  readonly isUp?: boolean | undefined;
  readonly netns?: NetnsFd | undefined;
  readonly queueCount?: number | undefined;
}

/** One message for the pair: the end elsewhere is made there at once, named and addressed, never seen half made. */
export function encodeAddVeth(change: Change<'add-veth'>): readonly Uint8Array[] {
  const writer = newLink(change).nest(c.IFLA_LINKINFO, (info) =>
    info.attributeText(c.IFLA_INFO_KIND, 'veth').nest(c.IFLA_INFO_DATA, (data) =>
      data.nest(c.VETH_INFO_PEER, (peer) => {
        const { queueCount } = change;
        writeLinkFields(writeIfinfo(peer, 0, undefined), { ...change.peer, queueCount });
      }),
    ),
  );
  return [writer.finish(), ...encodeAlias(change)];
}

export function encodeAddPlain(change: Change<'add-bridge' | 'add-dummy'>): readonly Uint8Array[] {
  const kind = change.kind === 'add-bridge' ? 'bridge' : 'dummy';
  return [encodeAddKind(kind, change), ...encodeAlias(change)];
}

/** A link of any kind with that kind's defaults; what the kernel says to it shows whether it knows the kind. */
export function encodeAddKind(kind: string, fields: LinkFields): Uint8Array {
  const writer = newLink(fields);
  return writer.nest(c.IFLA_LINKINFO, (info) => info.attributeText(c.IFLA_INFO_KIND, kind)).finish();
}

export function encodeAddVxlan(change: Change<'add-vxlan'>, indexOf: IndexOf): readonly Uint8Array[] {
  const underlay = change.underlay === undefined ? undefined : indexOf(change.underlay);
  const writer = newLink(change).nest(c.IFLA_LINKINFO, (info) =>
    info
      .attributeText(c.IFLA_INFO_KIND, 'vxlan')
      .nest(c.IFLA_INFO_DATA, (data) => writeVxlan(data, change.vxlan, underlay)),
  );
  return [writer.finish(), ...encodeAlias(change)];
}

export function encodeSetLink(change: Change<'set-link'>, indexOf: IndexOf): readonly Uint8Array[] {
  const { name, newName, netns, mac, mtuBytes, isUp, alias, master } = change;
  // With an index the name attribute renames; without, it says which link is meant.
  const index = newName === undefined ? 0 : indexOf(name);
  const writer = writeIfinfo(request(c.RTM_SETLINK), index, isUp);
  writeLinkFields(writer, { name: newName ?? name, netns, mac, mtuBytes });
  if (alias !== undefined) writer.attributeText(c.IFLA_IFALIAS, alias);
  if (master !== undefined) writer.attributeU32(c.IFLA_MASTER, master === '' ? 0 : indexOf(master));
  if (change.group !== undefined) writer.attributeU32(c.IFLA_GROUP, change.group);
  writeFamilySettings(writer, change);
  return [...encodeDownBefore(change), writer.finish()];
}

/** Kernels before 6.2 rename only what is down (EBUSY), and within one message the name comes before the state. */
function encodeDownBefore({ name, newName, isUp }: Change<'set-link'>): readonly Uint8Array[] {
  if (newName === undefined || isUp !== false) return [];
  return [writeIfinfo(request(c.RTM_SETLINK), 0, false).attributeText(c.IFLA_IFNAME, name).finish()];
}

/** Settings that else are files below /proc/sys; the kernel takes them with a change of a link, not with its creation. */
function writeFamilySettings(writer: MessageWriter, change: Change<'set-link'>): void {
  const { reversePathFilter, hasLinkLocal } = change;
  if (reversePathFilter === undefined && hasLinkLocal === undefined) return;
  writer.nest(c.IFLA_AF_SPEC, (families) => {
    if (reversePathFilter !== undefined) {
      const value = REVERSE_PATH_FILTERS.indexOf(reversePathFilter);
      families.nest(c.AF_INET, (inet) =>
        inet.nest(c.IFLA_INET_CONF, (conf) => conf.attributeU32(c.IPV4_DEVCONF_RP_FILTER, value)),
      );
    }
    if (hasLinkLocal !== undefined) {
      const mode = hasLinkLocal ? c.IN6_ADDR_GEN_MODE_EUI64 : c.IN6_ADDR_GEN_MODE_NONE;
      families.nest(c.AF_INET6, (inet6) => inet6.attributeU8(c.IFLA_INET6_ADDR_GEN_MODE, mode));
    }
  });
}

const REVERSE_PATH_FILTERS = ['off', 'strict', 'loose'] as const;

export function encodeDeleteLink(change: Change<'delete-link'>): readonly Uint8Array[] {
  const writer = writeIfinfo(request(c.RTM_DELLINK), 0, undefined);
  return [writer.attributeText(c.IFLA_IFNAME, change.name).finish()];
}

export function encodeDeleteLinkGroup({ group }: Change<'delete-link-group'>): readonly Uint8Array[] {
  if (group <= 0) throw new FairleadError('invalid', 'Cannot delete link group 0: every link is in it');
  const writer = writeIfinfo(request(c.RTM_DELLINK), 0, undefined);
  return [writer.attributeU32(c.IFLA_GROUP, group).finish()];
}

/** Asks for one link by name, or for all of them; counters are left out. */
export function encodeGetLinks(name?: string): Uint8Array {
  const flags = c.NLM_F_REQUEST | (name === undefined ? c.NLM_F_DUMP : 0);
  const writer = writeIfinfo(new MessageWriter({ type: c.RTM_GETLINK, flags }), 0, undefined);
  writer.attributeU32(c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS);
  if (name !== undefined) writer.attributeText(c.IFLA_IFNAME, name);
  return writer.finish();
}

/** The link of an RTM_NEWLINK or RTM_DELLINK message. */
export function decodeLink(message: Message, nameOf: NameOf): Link {
  const view = fixedPart(message.payload, IFINFOMSG_BYTES);
  const attributes = readAttributes(message.payload, IFINFOMSG_BYTES);
  const info = nested(attributes, c.IFLA_LINKINFO);
  const kind = attributeText(info.get(c.IFLA_INFO_KIND));
  const mac = attributes.get(c.IFLA_ADDRESS);
  const master = attributeU32(attributes.get(c.IFLA_MASTER));
  const data = nested(info, c.IFLA_INFO_DATA);
  return {
    index: view.getInt32(4, true),
    name: attributeText(attributes.get(c.IFLA_IFNAME)) ?? '',
    kind,
    mac: mac?.length === 6 ? macFromBytes(mac) : undefined,
    mtuBytes: attributeU32(attributes.get(c.IFLA_MTU)) ?? 0,
    isUp: (view.getUint32(8, true) & c.IFF_UP) !== 0,
    qdisc: attributeText(attributes.get(c.IFLA_QDISC)),
    master: master === undefined ? undefined : nameOf(master),
    // A VXLAN device tells what is below it in its own data alone (vxlan_fill_info).
    linkIndex:
      attributeU32(attributes.get(c.IFLA_LINK)) ??
      (kind === 'vxlan' ? attributeU32(data.get(c.IFLA_VXLAN_LINK)) : undefined),
    linkNetnsId: attributeU32(attributes.get(c.IFLA_LINK_NETNSID)),
    alias: attributeText(attributes.get(c.IFLA_IFALIAS)),
    vxlan: kind === 'vxlan' ? decodeVxlan(data) : undefined,
  };
}

/** Index and name alone, for tables of names. */
export function decodeLinkName(message: Message): { readonly index: number; readonly name: string } {
  const view = fixedPart(message.payload, IFINFOMSG_BYTES);
  const attributes = readAttributes(message.payload, IFINFOMSG_BYTES);
  return { index: view.getInt32(4, true), name: attributeText(attributes.get(c.IFLA_IFNAME)) ?? '' };
}

function request(type: number, flags = 0): MessageWriter {
  return new MessageWriter({ type, flags: c.NLM_F_REQUEST | c.NLM_F_ACK | flags });
}

function newLink(fields: LinkFields): MessageWriter {
  const writer = request(c.RTM_NEWLINK, c.NLM_F_CREATE | c.NLM_F_EXCL);
  return writeLinkFields(writeIfinfo(writer, 0, fields.isUp), fields);
}

function writeIfinfo(writer: MessageWriter, index: number, isUp: boolean | undefined): MessageWriter {
  writer.u8(c.AF_UNSPEC).u8(0).u16(0).u32(index);
  return writer.u32(isUp === true ? c.IFF_UP : 0).u32(isUp === undefined ? 0 : c.IFF_UP);
}

function writeLinkFields(writer: MessageWriter, fields: LinkFields): MessageWriter {
  const { name, mac, mtuBytes, netns } = fields;
  if (name !== undefined) writer.attributeText(c.IFLA_IFNAME, name);
  if (mac !== undefined) writer.attribute(c.IFLA_ADDRESS, macToBytes(mac));
  if (mtuBytes !== undefined) writer.attributeU32(c.IFLA_MTU, mtuBytes);
  if (netns !== undefined) writer.attributeU32(c.IFLA_NET_NS_FD, netns.fd);
  if (fields.queueCount !== undefined) {
    writer.attributeU32(c.IFLA_NUM_TX_QUEUES, fields.queueCount);
    writer.attributeU32(c.IFLA_NUM_RX_QUEUES, fields.queueCount);
  }
  return writer;
}

/** The kernel ignores IFLA_IFALIAS while it creates a link (rtnl_newlink_create), so the mark needs a message of its own. */
function encodeAlias(change: { readonly name: string; readonly alias?: string }): readonly Uint8Array[] {
  if (change.alias === undefined) return [];
  return encodeSetLink({ kind: 'set-link', name: change.name, alias: change.alias }, () => 0);
}

function writeVxlan(writer: MessageWriter, vxlan: Vxlan, underlay: number | undefined): void {
  writer.attributeU32(c.IFLA_VXLAN_ID, vxlan.vni);
  if (underlay !== undefined) writer.attributeU32(c.IFLA_VXLAN_LINK, underlay);
  if (vxlan.local !== undefined) {
    const type = familyOf(vxlan.local) === 4 ? c.IFLA_VXLAN_LOCAL : c.IFLA_VXLAN_LOCAL6;
    writer.attribute(type, ipToBytes(vxlan.local));
  }
  writer.attributeU8(c.IFLA_VXLAN_LEARNING, vxlan.isLearning ? 1 : 0);
  if (vxlan.hasGroupPolicy) writer.attribute(c.IFLA_VXLAN_GBP, new Uint8Array());
  writer.attribute(c.IFLA_VXLAN_PORT, Uint8Array.of(vxlan.port >> 8, vxlan.port & 0xff));
}

function decodeVxlan(data: Attributes): Vxlan {
  const port = data.get(c.IFLA_VXLAN_PORT);
  return {
    vni: attributeU32(data.get(c.IFLA_VXLAN_ID)) ?? 0,
    port: ((port?.[0] ?? 0) << 8) | (port?.[1] ?? 0),
    local: decodeIp(data.get(c.IFLA_VXLAN_LOCAL) ?? data.get(c.IFLA_VXLAN_LOCAL6)),
    isLearning: attributeU8(data.get(c.IFLA_VXLAN_LEARNING)) === 1,
    hasGroupPolicy: data.has(c.IFLA_VXLAN_GBP),
  };
}

/** The address of an attribute; undefined where it is absent or no address by its length. */
export function decodeIp(value: Uint8Array | undefined): Ip | undefined {
  return value?.length === 4 || value?.length === 16 ? ipFromBytes(value) : undefined;
}

function nested(attributes: Attributes, type: number): Attributes {
  const value = attributes.get(type);
  return value === undefined ? new Map() : readAttributes(value);
}
