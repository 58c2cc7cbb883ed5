// Generic netlink: families are found by name, each message carries a command (linux/genetlink.h).

import * as c from './constants.ts';
import { readAttributes, type Message } from './reader.ts';
import { MessageWriter } from './writer.ts';

const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
/** struct genlmsghdr: command, version, reserved. */
export const GENL_HEADER_BYTES = 4;

/** Asks for the number of a family; the kernel loads its module where there is one. */
export function encodeGetFamily(name: string): Uint8Array {
  const header = { type: GENL_ID_CTRL, flags: c.NLM_F_REQUEST };
  const writer = new MessageWriter(header).u8(CTRL_CMD_GETFAMILY).u8(1).u16(0);
  return writer.attributeText(CTRL_ATTR_FAMILY_NAME, name).finish();
}

/** Undefined where the answer names none. */
export function decodeFamilyId(message: Message): number | undefined {
  const value = readAttributes(message.payload, GENL_HEADER_BYTES).get(CTRL_ATTR_FAMILY_ID);
  if (value === undefined || value.length < 2) return undefined;
  return new DataView(value.buffer, value.byteOffset, 2).getUint16(0, true);
}
