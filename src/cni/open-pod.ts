// Opens the namespace a request names and refuses the node's own.

import { hasCode, isNotFound, messageOf } from '../base/errors.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';
import type { PodDoor } from './doors.ts';

/** Throws code 8 where there is no network namespace, or the node's own: an interface there would take the node's routes. */
export function openPod(context: CniContext, netns: string): PodDoor {
  let pod: PodDoor;
  try {
    pod = context.openPod(netns);
  } catch (cause) {
    if (!isNotFound(cause) && !hasCode(cause, 'invalid')) throw cause;
    throw cniError(CNI_ERROR.invalidNetns, `Cannot use CNI_NETNS ${netns}: ${messageOf(cause)}`, { cause });
  }
  if (pod.netnsInode !== context.node.netnsInode) return pod;
  pod.close();
  throw cniError(CNI_ERROR.invalidNetns, `Cannot use CNI_NETNS ${netns}: it is the node's own namespace`);
}
