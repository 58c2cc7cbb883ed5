// Named counters of nf_tables (linux/netfilter/nf_tables.h, enum nft_object_attributes): what rules have counted since the table was made.

import * as c from './constants.ts';
import { be32, readBe32, readBe64 } from './network-order.ts';
import { nftAttributes, nftRequest, nftType } from './nftables.ts';
import { attributeText, readAttributes, type Message } from './reader.ts';

const NFT_MSG_NEWOBJ = 18;
const NFT_MSG_GETOBJ = 19;
const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFT_OBJECT_COUNTER = 1;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;

export interface NftCounter {
  readonly name: string;
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** Asks for all counters of a table. */
export function encodeListCounters(table: string): Uint8Array {
  return nftRequest(NFT_MSG_GETOBJ, c.NLM_F_REQUEST | c.NLM_F_DUMP)
    .attributeText(NFTA_OBJ_TABLE, table)
    .attribute(NFTA_OBJ_TYPE, be32(NFT_OBJECT_COUNTER))
    .finish();
}

/** A counter of this table; undefined for other messages, tables and objects. */
export function decodeCounter(message: Message, table: string): NftCounter | undefined {
  if (message.type !== nftType(NFT_MSG_NEWOBJ)) return undefined;
  const attributes = nftAttributes(message);
  const name = attributeText(attributes.get(NFTA_OBJ_NAME));
  const data = attributes.get(NFTA_OBJ_DATA);
  const isOfTable = attributeText(attributes.get(NFTA_OBJ_TABLE)) === table;
  const isCounter = readBe32(attributes.get(NFTA_OBJ_TYPE)) === NFT_OBJECT_COUNTER;
  if (!isOfTable || !isCounter || name === undefined || data === undefined) return undefined;
  const counts = readAttributes(data);
  return {
    name,
    packets: readBe64(counts.get(NFTA_COUNTER_PACKETS)) ?? 0n,
    bytes: readBe64(counts.get(NFTA_COUNTER_BYTES)) ?? 0n,
  };
}
