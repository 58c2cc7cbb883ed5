// GC: removes every attachment of a network that the runtime does not name, past errors.

import { messageOf, type FairleadError } from '../base/errors.ts';
import { attachmentKeyOfAlias, attachmentKeyText, type AttachmentKey } from './attachment-names.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';
import { deleteAttachment } from './del.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { NetworkConfig } from './network-config.ts';

/**
 * Leases of other networks stay, with their links. Links of ours without a lease belong to no network that is known:
 * they go unless they are named. An attachment that is being added right now is left alone.
 */
export async function collectGarbage(
  context: CniContext,
  config: NetworkConfig,
  queue: KeyedQueue,
): Promise<void> {
  if (config.validAttachments === undefined) {
    throw cniError(
      CNI_ERROR.invalidConfig,
      'Cannot collect garbage: "cni.dev/valid-attachments" is missing, nothing would be valid',
    );
  }
  const valid = new Set(config.validAttachments.map(attachmentKeyText));
  const failures: string[] = [];
  for (const key of await candidates(context, config.name)) {
    const text = attachmentKeyText(key);
    if (valid.has(text) || queue.isBusy(text)) continue;
    try {
      await queue.run(text, () => deleteAttachment(context, key));
    } catch (error) {
      failures.push(`${text}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw incomplete(failures);
}

async function candidates(context: CniContext, network: string): Promise<readonly AttachmentKey[]> {
  const leases = context.leases.list();
  const leased = new Set(leases.map(attachmentKeyText));
  const links = await context.node.netlink.links();
  const orphans = links
    .map((link) => attachmentKeyOfAlias(link.alias))
    .filter((key) => key !== undefined)
    .filter((key) => !leased.has(attachmentKeyText(key)));
  // An adopted lease knows no network: the one that is asked about is as good as any.
  return [...leases.filter((lease) => lease.network === network || lease.network === ''), ...orphans];
}

function incomplete(failures: readonly string[]): FairleadError {
  return cniError(CNI_ERROR.gcIncomplete, `Cannot remove ${failures.length} of the stale attachments`, {
    details: failures.join('; '),
  });
}
