// Elements of nf_tables sets and maps, and what the kernel lists of chains and rules: linux/netfilter/nf_tables.h. Only the family inet.
// Rules and sets themselves are text for nft(8); this file knows elements, because those change all the time.

import * as c from './constants.ts';
import { be32, readBe32 } from './network-order.ts';
import {
  attributeText,
  fixedPart,
  readAttributes,
  readNestedList,
  walkAttributes,
  type Attributes,
  type Message,
} from './reader.ts';
import { MessageWriter } from './writer.ts';

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFT_MSG_DELSETELEM = 14;
const NFT_MSG_GETGEN = 16;
const NFPROTO_INET = 1;
const NFGENMSG_BYTES = 4;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_USERDATA = 7;
const NFTNL_UDATA_RULE_COMMENT = 0;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_FLAGS = 3;
const NFTA_SET_ELEM_KEY_END = 10;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFT_SET_ELEM_INTERVAL_END = 1;
const NF_DROP = 0;
const NFT_GOTO = -4;
const NFTA_GEN_ID = 1;
const NFNL_BATCH_GENID = 1;
/** An attribute holds 64 KiB; an element with two IPv6 addresses and a range is below 160 bytes. */
const MAX_ELEMENTS_PER_MESSAGE = 400;

const NO_BYTES = new Uint8Array();

/** What a map gives for a key: bytes, where the packet goes on, or that it is dropped. */
export type NftData =
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  | { readonly kind: 'goto'; readonly chain: string }
  | { readonly kind: 'drop' };

/** One element. Fields of a concatenated key are padded to four bytes each (`concatenated`). */
export interface NftElement {
  readonly key: Uint8Array;
  /** The last key of a range; of concatenations alone. */
  readonly keyEnd?: Uint8Array;
  /** Sets of plain ranges have an element where a range begins, and one behind its end. */
  readonly isIntervalEnd?: boolean;
  readonly data?: NftData;
}

/** Elements that come into or leave one set. Deletions name keys alone. */
export interface NftElementChange {
  readonly kind: 'add' | 'delete';
  readonly table: string;
  readonly set: string;
  readonly elements: readonly NftElement[];
}

/** A rule, as far as an observer needs it. */
export interface NftRule {
  readonly chain: string;
  readonly comment: string | undefined;
}

/** Fields one behind the other, each padded to four bytes, as a concatenation lies in the kernel's registers. */
export function concatenated(...fields: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const field of fields) length += (field.length + 3) & ~3;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += (field.length + 3) & ~3;
  }
  return bytes;
}

/**
 * Begins a transaction: all up to `encodeBatchEnd` happens or nothing. With a generation the kernel refuses it (ERESTART) where another
 * one has come since.
 */
export function encodeBatchBegin(generation?: number): Uint8Array {
  const writer = batchMark(NFNL_MSG_BATCH_BEGIN);
  if (generation !== undefined) writer.attribute(NFNL_BATCH_GENID, be32(generation));
  return writer.finish();
}

export function encodeBatchEnd(): Uint8Array {
  return batchMark(NFNL_MSG_BATCH_END).finish();
}

/** The messages of a change, more than one where it has many elements. */
export function encodeElements(change: NftElementChange): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < change.elements.length; at += MAX_ELEMENTS_PER_MESSAGE) {
    messages.push(encodeSome(change, change.elements.slice(at, at + MAX_ELEMENTS_PER_MESSAGE)));
  }
  return messages;
}

function encodeSome(change: NftElementChange, elements: readonly NftElement[]): Uint8Array {
  const isAdd = change.kind === 'add';
  const flags = c.NLM_F_REQUEST | (isAdd ? c.NLM_F_CREATE : 0);
  const writer = nftRequest(isAdd ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, flags)
    .attributeText(NFTA_SET_ELEM_LIST_TABLE, change.table)
    .attributeText(NFTA_SET_ELEM_LIST_SET, change.set);
  writer.nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
    for (const element of elements) list.nest(NFTA_LIST_ELEM, (it) => writeElement(it, element));
  });
  return writer.finish();
}

function writeElement(writer: MessageWriter, element: NftElement): void {
  const { key, keyEnd, data } = element;
  if (element.isIntervalEnd === true) {
    writer.attribute(NFTA_SET_ELEM_FLAGS, be32(NFT_SET_ELEM_INTERVAL_END));
  }
  writer.nest(NFTA_SET_ELEM_KEY, (it) => it.attribute(NFTA_DATA_VALUE, key));
  if (keyEnd !== undefined) writer.nest(NFTA_SET_ELEM_KEY_END, (it) => it.attribute(NFTA_DATA_VALUE, keyEnd));
  if (data !== undefined) writer.nest(NFTA_SET_ELEM_DATA, (it) => writeData(it, data));
}

function writeData(writer: MessageWriter, data: NftData): void {
  if (data.kind === 'value') {
    writer.attribute(NFTA_DATA_VALUE, data.bytes);
    return;
  }
  writer.nest(NFTA_DATA_VERDICT, (it) => {
    it.attribute(NFTA_VERDICT_CODE, be32(data.kind === 'drop' ? NF_DROP : NFT_GOTO));
    if (data.kind === 'goto') it.attributeText(NFTA_VERDICT_CHAIN, data.chain);
  });
}

/** Asks for all elements of a set. */
export function encodeListElements(table: string, set: string): Uint8Array {
  return nftRequest(NFT_MSG_GETSETELEM, c.NLM_F_REQUEST | c.NLM_F_DUMP)
    .attributeText(NFTA_SET_ELEM_LIST_TABLE, table)
    .attributeText(NFTA_SET_ELEM_LIST_SET, set)
    .finish();
}

/** Asks for the number of the namespace's last transaction. */
export function encodeGetGeneration(): Uint8Array {
  return nftRequest(NFT_MSG_GETGEN, c.NLM_F_REQUEST).finish();
}

/** Undefined where the answer names none. */
export function decodeGeneration(message: Message): number | undefined {
  return readBe32(nftAttributes(message).get(NFTA_GEN_ID));
}

/** Asks for the one element of a key. */
export function encodeGetElement(table: string, set: string, key: Uint8Array): Uint8Array {
  return nftRequest(NFT_MSG_GETSETELEM, c.NLM_F_REQUEST)
    .attributeText(NFTA_SET_ELEM_LIST_TABLE, table)
    .attributeText(NFTA_SET_ELEM_LIST_SET, set)
    .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => list.nest(NFTA_LIST_ELEM, (it) => writeElement(it, { key })))
    .finish();
}

/** Asks for all chains of family inet; the kernel takes no table here. */
export function encodeListChains(): Uint8Array {
  return nftRequest(NFT_MSG_GETCHAIN, c.NLM_F_REQUEST | c.NLM_F_DUMP).finish();
}

export function encodeListRules(table: string): Uint8Array {
  return nftRequest(NFT_MSG_GETRULE, c.NLM_F_REQUEST | c.NLM_F_DUMP)
    .attributeText(NFTA_RULE_TABLE, table)
    .finish();
}

/** The elements of one message of a dump; undefined for messages of another kind. They share one copy of the message. */
export function decodeElements(message: Message): readonly NftElement[] | undefined {
  if (message.type !== nftType(NFT_MSG_NEWSETELEM)) return undefined;
  const list = nftAttributes(message).get(NFTA_SET_ELEM_LIST_ELEMENTS);
  // Not `slice`: of Node's buffers that shares the memory, which the next message overwrites.
  return list === undefined ? [] : readNestedList(new Uint8Array(list)).map(decodeElement);
}

/** Sets have a hundred thousand of these: attributes are walked in place, without a map of them. */
function decodeElement(bytes: Uint8Array): NftElement {
  let key: Uint8Array = NO_BYTES;
  let keyEnd: Uint8Array | undefined;
  let data: NftData | undefined;
  let isIntervalEnd = false;
  walkAttributes(bytes, (type, value) => {
    if (type === NFTA_SET_ELEM_KEY) key = valueOf(value) ?? NO_BYTES;
    else if (type === NFTA_SET_ELEM_KEY_END) keyEnd = valueOf(value);
    else if (type === NFTA_SET_ELEM_DATA) data = decodeData(value);
    else if (type === NFTA_SET_ELEM_FLAGS) isIntervalEnd = isEnd(value);
  });
  // Most elements are plain ones, all of one shape.
  if (keyEnd === undefined && !isIntervalEnd) return data === undefined ? { key } : { key, data };
  return {
    key,
    ...(keyEnd === undefined ? {} : { keyEnd }),
    ...(isIntervalEnd ? { isIntervalEnd } : {}),
    ...(data === undefined ? {} : { data }),
  };
}

function isEnd(flags: Uint8Array): boolean {
  return ((readBe32(flags) ?? 0) & NFT_SET_ELEM_INTERVAL_END) !== 0;
}

function decodeData(bytes: Uint8Array): NftData | undefined {
  const value = valueOf(bytes);
  if (value !== undefined) return { kind: 'value', bytes: value };
  const verdict = readAttributes(bytes).get(NFTA_DATA_VERDICT);
  const chain = verdict && attributeText(readAttributes(verdict).get(NFTA_VERDICT_CHAIN));
  if (chain !== undefined) return { kind: 'goto', chain };
  const code = verdict && readBe32(readAttributes(verdict).get(NFTA_VERDICT_CODE));
  return code === NF_DROP ? { kind: 'drop' } : undefined;
}

function valueOf(bytes: Uint8Array): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  walkAttributes(bytes, (type, value) => {
    if (type === NFTA_DATA_VALUE) found = value;
  });
  return found;
}

/** The name of a chain of this table; undefined for other messages and tables. */
export function decodeChain(message: Message, table: string): string | undefined {
  if (message.type !== nftType(NFT_MSG_NEWCHAIN)) return undefined;
  const attributes = nftAttributes(message);
  if (attributeText(attributes.get(NFTA_CHAIN_TABLE)) !== table) return undefined;
  return attributeText(attributes.get(NFTA_CHAIN_NAME));
}

/** A rule of this table; undefined for other messages and tables. */
export function decodeRule(message: Message, table: string): NftRule | undefined {
  if (message.type !== nftType(NFT_MSG_NEWRULE)) return undefined;
  const attributes = nftAttributes(message);
  if (attributeText(attributes.get(NFTA_RULE_TABLE)) !== table) return undefined;
  return {
    chain: attributeText(attributes.get(NFTA_RULE_CHAIN)) ?? '',
    comment: commentOf(attributes.get(NFTA_RULE_USERDATA)),
  };
}

/** User data are entries of nft's own: type, length, value, a byte each for the first two. */
function commentOf(userData: Uint8Array | undefined): string | undefined {
  if (userData === undefined) return undefined;
  for (let at = 0; at + 2 <= userData.length; at += 2 + (userData[at + 1] ?? 0)) {
    if (userData[at] !== NFTNL_UDATA_RULE_COMMENT) continue;
    return attributeText(userData.subarray(at + 2, at + 2 + (userData[at + 1] ?? 0)));
  }
  return undefined;
}

/** What stands behind the fixed part of every message of nf_tables. */
export function nftAttributes(message: Message): Attributes {
  fixedPart(message.payload, NFGENMSG_BYTES);
  return readAttributes(message.payload, NFGENMSG_BYTES);
}

/** struct nfgenmsg of a batch names the subsystem, in network byte order. */
function batchMark(type: number): MessageWriter {
  return new MessageWriter({ type, flags: c.NLM_F_REQUEST })
    .u8(c.AF_UNSPEC)
    .u8(0)
    .u8(0)
    .u8(NFNL_SUBSYS_NFTABLES);
}

/** The beginning of a request, family inet. */
export function nftRequest(message: number, flags: number): MessageWriter {
  return new MessageWriter({ type: nftType(message), flags }).u8(NFPROTO_INET).u8(0).u16(0);
}

export function nftType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}
