// Elements of nftables sets by netlink: one transaction per call, what the kernel refuses by name, lists without the program nft.
// What a set means is its owner's business.

import { FairleadError } from '../base/errors.ts';
import type { Answer } from './netlink-socket.ts';
import {
  decodeChain,
  decodeElements,
  decodeGeneration,
  decodeRule,
  encodeBatchBegin,
  encodeBatchEnd,
  encodeElements,
  encodeGetElement,
  encodeGetGeneration,
  encodeListChains,
  encodeListElements,
  encodeListRules,
  type NftElement,
  type NftElementChange,
  type NftRule,
} from '../wire/netlink/nftables.ts';
import { decodeCounter, encodeListCounters, type NftCounter } from '../wire/netlink/nftables-counter.ts';
import type { Message } from '../wire/netlink/reader.ts';
import { errnoOf, kernelError } from './errno.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

/** A change that the kernel refused; nothing of its transaction happened. */
export interface RefusedChange {
  /** Position of the change in what was to be applied. */
  readonly at: number;
  readonly error: FairleadError;
}

/** nf_tables of one namespace, family inet. */
export interface NfTables {
  /** All changes or none, in order; empty where all was done. With `generation` only if nothing else has changed since (`ERESTART`). */
  apply(changes: readonly NftElementChange[], generation?: number): readonly RefusedChange[];
  /** Number of the last transaction in the namespace, whoever made it: while it stays, tables and sets do, but for what packets add. */
  generation(): number;
  /** The element of one key, whatever the set holds; undefined where there is none. Not for sets of ranges. */
  element(table: string, set: string, key: Uint8Array): Promise<NftElement | undefined>;
  /** Undefined where there is no such set. */
  listElements(table: string, set: string): Promise<readonly NftElement[] | undefined>;
  /** Names of the table's chains, empty where there is no such table. */
  listChains(table: string): Promise<readonly string[]>;
  /** In the order of the kernel's walk, empty where there is no such table. */
  listRules(table: string): Promise<readonly NftRule[]>;
  /** The table's named counters, empty where there is no such table. */
  listCounters(table: string): Promise<readonly NftCounter[]>;
  close(): void;
}

/** Opens the door in a namespace (default: the process' own); `close()` it. */
export function openNfTables(netns?: Netns | string): NfTables {
  const open = (): NetlinkSocket => new NetlinkSocket(NETLINK_NETFILTER);
  // Transactions are synchronous, lists are not: each has its socket, so that none reads the other's answers.
  const openBoth = (): KernelNfTables => new KernelNfTables(open(), open());
  return netns === undefined ? openBoth() : inNetns(netns, openBoth);
}

class KernelNfTables implements NfTables {
  readonly #changes: NetlinkSocket;
  readonly #lists: NetlinkSocket;
  #isClosed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(changes: NetlinkSocket, lists: NetlinkSocket) {
    this.#changes = changes;
    this.#lists = lists;
  }

  apply(changes: readonly NftElementChange[], generation?: number): readonly RefusedChange[] {
    const messages: Uint8Array[] = [encodeBatchBegin(generation)];
    const owners: number[] = [-1];
    for (const [at, change] of changes.entries()) {
      for (const message of encodeElements(change)) {
        messages.push(message);
        owners.push(at);
      }
    }
    if (messages.length === 1) return [];
    messages.push(encodeBatchEnd());
    const refusals = this.#changes.batch('change nftables elements', messages);
    return [...refusals].map(([position, answer]) => refused(changes, owners[position] ?? -1, answer));
  }

  generation(): number {
    const action = 'read generation of nftables';
    const generation = this.#changes.get(action, encodeGetGeneration(), decodeGeneration);
    if (generation === undefined) throw new FairleadError('kernel', `Cannot ${action}: no answer`);
    return generation;
  }

  element(table: string, set: string, key: Uint8Array): Promise<NftElement | undefined> {
    const action = `ask nftables set ${table} ${set} for an element`;
    const message = encodeGetElement(table, set, key);
    return this.#inTurn(action, async () => this.#lists.get(action, message, decodeElements)?.[0]);
  }

  async listElements(table: string, set: string): Promise<readonly NftElement[] | undefined> {
    const action = `list nftables set ${table} ${set}`;
    const parts = await this.#list(action, encodeListElements(table, set), decodeElements);
    return parts?.flat();
  }

  async listChains(table: string): Promise<readonly string[]> {
    const decode = (message: Message): string | undefined => decodeChain(message, table);
    return (await this.#list(`list nftables chains of ${table}`, encodeListChains(), decode)) ?? [];
  }

  async listRules(table: string): Promise<readonly NftRule[]> {
    const decode = (message: Message): NftRule | undefined => decodeRule(message, table);
    return (await this.#list(`list nftables rules of ${table}`, encodeListRules(table), decode)) ?? [];
  }

  async listCounters(table: string): Promise<readonly NftCounter[]> {
    const decode = (message: Message): NftCounter | undefined => decodeCounter(message, table);
    return (await this.#list(`list nftables counters of ${table}`, encodeListCounters(table), decode)) ?? [];
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#changes.close();
    void this.#tail.then(() => this.#lists.close());
  }

  #list<T>(
    action: string,
    message: Uint8Array,
    decode: (message: Message) => T | undefined,
  ): Promise<readonly T[] | undefined> {
    return this.#inTurn(action, () => this.#lists.dump(action, message, decode));
  }

  /** One question at a time on the socket; undefined where the kernel knows no such table, set or element. */
  #inTurn<T>(action: string, ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#isClosed) {
      return Promise.reject(new FairleadError('aborted', `Cannot ${action}: the door is closed`));
    }
    const result = this.#tail.then(ask);
    this.#tail = result.catch(() => undefined);
    return result.catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    });
  }
}

function refused(changes: readonly NftElementChange[], at: number, answer: Answer): RefusedChange {
  const change = changes[at];
  const what = change === undefined ? 'nftables elements' : describe(change);
  const error = kernelError({ action: `change ${what}`, errno: answer.errno, detail: answer.text });
  return { at, error };
}

function describe({ kind, table, set, elements }: NftElementChange): string {
  const first = elements[0] === undefined ? '' : Buffer.from(elements[0].key).toString('hex');
  const more = elements.length > 1 ? ` and ${elements.length - 1} more` : '';
  return `nftables set ${table} ${set} (${kind} ${first}${more})`;
}
