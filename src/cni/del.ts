// DEL: link, then lease; each step succeeds where there is nothing left to do, so that a DEL can be repeated for ever.

import type { Link } from '../sys/netlink-types.ts';
import { hostLinkAlias, hostLinkName, type AttachmentKey } from './attachment-names.ts';
import type { CniContext } from './context.ts';

/**
 * Returns when the interface is gone and its addresses rest. The address is released only after the link has gone: a crash
 * between both leaves a lease without link, which the next DEL, GC or the agent's start removes.
 */
export async function deleteAttachment(context: CniContext, key: AttachmentKey): Promise<void> {
  const name = hostLinkName(key);
  const link = await context.node.netlink.link(name);
  if (link !== undefined && isOurs(link, key)) {
    await context.remover.remove(name);
    await context.datapath.detach(link.index);
  } else {
    // The link went with the pod's namespace; what the data path keeps of it did not.
    const ifindex = context.leases.get(key)?.ifindex;
    if (ifindex !== undefined) await context.datapath.detach(ifindex);
  }
  context.leases.release(key, { wasUsed: true });
}

/**
 * A link of that name with another alias is a hash collision or somebody else's: its own key removes it. Without an alias it
 * is what an ADD left that died between making the link and marking it.
 */
function isOurs(link: Link, key: AttachmentKey): boolean {
  return link.alias === undefined || link.alias === hostLinkAlias(key);
}
