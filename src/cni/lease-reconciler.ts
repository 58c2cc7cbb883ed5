// Makes leases and interfaces agree after crashes and missed DELs. Nothing is taken on one look: it must be seen twice.

import { isNotFound } from '../base/errors.ts';
import { cidrBase, cidrLength } from '../base/cidr.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import type { Link } from '../sys/netlink-types.ts';
import { attachmentKeyOfAlias, attachmentKeyText, type AttachmentKey } from './attachment-names.ts';
import type { CniContext } from './context.ts';
import { deleteAttachment } from './del.ts';
import type { KeyedQueue } from './keyed-queue.ts';

/** What one look did; keys as text. */
export interface ReconcileResult {
  readonly adopted: readonly string[];
  readonly removed: readonly string[];
}

/** Call `look` at the start and then now and again; two looks should lie seconds apart. */
export class LeaseReconciler {
  readonly #context: CniContext;
  readonly #queue: KeyedQueue;
  /** What was out of order at the last look. */
  #suspects: ReadonlySet<string> = new Set();

  constructor(context: CniContext, queue: KeyedQueue) {
    this.#context = context;
    this.#queue = queue;
  }

  async look(): Promise<ReconcileResult> {
    const links = await this.#links();
    const adopted: string[] = [];
    const removed: string[] = [];
    const suspects = new Set<string>();
    for (const [text, key] of this.#outOfOrder(links)) {
      if (this.#queue.isBusy(text)) continue;
      if (links.has(text) && (await this.#adopt(key, links.get(text)))) {
        adopted.push(text);
      } else if (this.#suspects.has(text)) {
        await this.#queue.run(text, () => deleteAttachment(this.#context, key));
        removed.push(text);
      } else {
        suspects.add(text);
      }
    }
    this.#suspects = suspects;
    return { adopted, removed };
  }

  async #links(): Promise<ReadonlyMap<string, Link>> {
    const links = await this.#context.node.netlink.links();
    return new Map(
      links.flatMap((link) => {
        const key = attachmentKeyOfAlias(link.alias);
        return key === undefined ? [] : [[attachmentKeyText(key), link] as const];
      }),
    );
  }

  /** Leases without a link and links without a lease. */
  #outOfOrder(links: ReadonlyMap<string, Link>): ReadonlyMap<string, AttachmentKey> {
    const leases = new Map(this.#context.leases.list().map((lease) => [attachmentKeyText(lease), lease]));
    const found = new Map<string, AttachmentKey>();
    for (const [text, lease] of leases) if (!links.has(text)) found.set(text, lease);
    for (const [text, link] of links) {
      const key = attachmentKeyOfAlias(link.alias);
      if (key !== undefined && !leases.has(text)) found.set(text, key);
    }
    return found;
  }

  /** A running interface whose lease was lost (the file was removed): its routes tell its addresses. */
  async #adopt(key: AttachmentKey, link: Link | undefined): Promise<boolean> {
    if (link === undefined || !link.isUp) return false;
    const ips = await this.#ipsOf(link);
    const owner = { ...key, network: '', netns: '', pod: undefined };
    if (ips.length === 0 || !this.#context.leases.adopt(owner, ips)) return false;
    this.#context.leases.noteLink(key, link.index);
    return true;
  }

  async #ipsOf(link: Link): Promise<readonly Ip[]> {
    try {
      const routes = await this.#context.node.netlink.routes({ link: link.name });
      return routes
        .filter((it) => cidrLength(it.destination) === (it.family === 4 ? 32 : 128) && it.protocol === 76)
        .map((it) => cidrBase(it.destination))
        .sort((a, b) => familyOf(a) - familyOf(b));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
}
