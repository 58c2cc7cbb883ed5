// The kernel's answer to a request: NLMSG_ERROR with an errno (0 for success), and what the extended acknowledgement says beside it.

import { NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MSG, NLM_F_ACK_TLVS, NLM_F_CAPPED } from './constants.ts';
import { attributeText, fixedPart, readAttributes, type Message } from './reader.ts';

export interface Acknowledgement {
  /** Positive errno, 0 for success. */
  readonly errno: number;
  /** NLMSGERR_ATTR_MSG: one line of English from the kernel. */
  readonly text: string | undefined;
}

/** The acknowledgement that a message carries, undefined for every other kind of message. */
export function readAcknowledgement(message: Message): Acknowledgement | undefined {
  if (message.type === NLMSG_ERROR) return readError(message);
  if (message.type === NLMSG_DONE) return readDone(message);
  return undefined;
}

function readError(message: Message): Acknowledgement {
  const view = fixedPart(message.payload, 20);
  const errno = Math.abs(view.getInt32(0, true));
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  const copied = (message.flags & NLM_F_CAPPED) === 0 ? Math.max(16, view.getUint32(4, true)) : 16;
  const attributes = readAttributes(
    message.payload,
    Math.min(4 + ((copied + 3) & ~3), message.payload.length),
  );
  return { errno, text: attributeText(attributes.get(NLMSGERR_ATTR_MSG)) };
}

/** The end of a dump; a dump that failed half way carries its errno here. */
function readDone(message: Message): Acknowledgement {
  if (message.payload.length < 4) return { errno: 0, text: undefined };
  const errno = Math.abs(fixedPart(message.payload, 4).getInt32(0, true));
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: undefined };
  return { errno, text: attributeText(readAttributes(message.payload, 4).get(NLMSGERR_ATTR_MSG)) };
}
