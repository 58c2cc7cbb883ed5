// Routing rules: RTM_NEWRULE and its relatives; only rules that send a packet to a table are known.

import { cidrBase, cidrLength, type Cidr } from '../../base/cidr.ts';
import { ipToBytes } from '../../base/ip.ts';
import * as c from './constants.ts';
import {
  attributeText,
  attributeU32,
  attributeU8,
  fixedPart,
  readAttributes,
  type Message,
} from './reader.ts';
import { decodePrefix, familyOfNumber } from './route.ts';
import { RTPROT_FAIRLEAD, type Rule, type RuleSpec } from './types.ts';
import { MessageWriter } from './writer.ts';

const RULE_HEADER_BYTES = 12;

export function encodeRule(kind: 'add-rule' | 'delete-rule', rule: RuleSpec): readonly Uint8Array[] {
  const isAdd = kind === 'add-rule';
  const writer = new MessageWriter({
    type: isAdd ? c.RTM_NEWRULE : c.RTM_DELRULE,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK | (isAdd ? c.NLM_F_CREATE | c.NLM_F_EXCL : 0),
  });
  const { source, destination, table, incomingLink } = rule;
  writer.u8(rule.family === 4 ? c.AF_INET : c.AF_INET6);
  writer.u8(lengthOf(destination)).u8(lengthOf(source)).u8(0);
  writer
    .u8(table < 256 ? table : c.RT_TABLE_UNSPEC)
    .u16(0)
    .u8(c.FR_ACT_TO_TBL)
    .u32(0);
  writer.attributeU32(c.FRA_TABLE, table).attributeU32(c.FRA_PRIORITY, rule.priority);
  writer.attributeU8(c.FRA_PROTOCOL, RTPROT_FAIRLEAD);
  if (source !== undefined) writer.attribute(c.FRA_SRC, ipToBytes(cidrBase(source)));
  if (destination !== undefined) writer.attribute(c.FRA_DST, ipToBytes(cidrBase(destination)));
  if (incomingLink !== undefined) writer.attributeText(c.FRA_IIFNAME, incomingLink);
  return [writer.finish()];
}

/** Asks for the rules of both families. */
export function encodeGetRules(): Uint8Array {
  const writer = new MessageWriter({ type: c.RTM_GETRULE, flags: c.NLM_F_REQUEST | c.NLM_F_DUMP });
  return writer.u32(0).u32(0).u32(0).finish();
}

/** Undefined for other actions than a table look-up. */
export function decodeRule(message: Message): Rule | undefined {
  const view = fixedPart(message.payload, RULE_HEADER_BYTES);
  const attributes = readAttributes(message.payload, RULE_HEADER_BYTES);
  const family = familyOfNumber(view.getUint8(0));
  if (family === undefined || view.getUint8(7) !== c.FR_ACT_TO_TBL) return undefined;
  const [destinationLength, sourceLength] = [view.getUint8(1), view.getUint8(2)];
  return {
    family,
    priority: attributeU32(attributes.get(c.FRA_PRIORITY)) ?? 0,
    source: sourceLength === 0 ? undefined : decodePrefix(attributes.get(c.FRA_SRC), sourceLength, family),
    destination:
      destinationLength === 0
        ? undefined
        : decodePrefix(attributes.get(c.FRA_DST), destinationLength, family),
    incomingLink: attributeText(attributes.get(c.FRA_IIFNAME)),
    table: attributeU32(attributes.get(c.FRA_TABLE)) ?? view.getUint8(4),
    protocol: attributeU8(attributes.get(c.FRA_PROTOCOL)) ?? 0,
  };
}

function lengthOf(prefix: Cidr | undefined): number {
  return prefix === undefined ? 0 : cidrLength(prefix);
}
