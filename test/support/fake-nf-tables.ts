// Sets of nf_tables in memory, as far as elements go: a transaction is whole or nothing, and every one has a number. It can be told to refuse.

import { kernelError } from '../../src/sys/errno.ts';
import type { NfTables, RefusedChange } from '../../src/sys/nf-tables.ts';
import type { NftCounter } from '../../src/wire/netlink/nftables-counter.ts';
import type { NftElement, NftElementChange, NftRule } from '../../src/wire/netlink/nftables.ts';

const ENOENT = 2;
const EEXIST = 17;
const ENOBUFS = 105;
const ERESTART = 85;

type Sets = Map<string, Map<string, NftElement>>;

/** What a kernel in need refuses: asked before everything that is done. */
export interface NfTablesFaults {
  isRefused(what: 'change' | 'list'): boolean;
}

const NO_FAULTS: NfTablesFaults = { isRefused: () => false };

export class FakeNfTables implements NfTables {
  #sets: Sets;
  readonly #faults: NfTablesFaults;
  #generation = 7;
  /** Of every table; where there are none, neither is the table. */
  chains: readonly string[] = [];
  /** Lists that were asked for. */
  listCount = 0;
  /** Of each transaction, the elements that it named; refused ones too. */
  readonly transactions: number[] = [];

  constructor(faults: NfTablesFaults = NO_FAULTS, sets: Sets = new Map()) {
    this.#faults = faults;
    this.#sets = sets;
  }

  /** As it is now, whatever happens to this one; without faults. */
  copy(): FakeNfTables {
    const copy = new FakeNfTables(NO_FAULTS, this.#sets);
    copy.chains = this.chains;
    return copy;
  }

  apply(changes: readonly NftElementChange[], generation?: number): readonly RefusedChange[] {
    this.transactions.push(changes.reduce((count, it) => count + it.elements.length, 0));
    if (generation !== undefined && generation !== this.#generation) return [refusal(-1, ERESTART)];
    const sets: Sets = new Map([...this.#sets].map(([name, elements]) => [name, new Map(elements)]));
    const refused = changes.flatMap((change, at) => {
      const errno = this.#faults.isRefused('change') ? ENOBUFS : perform(sets, change);
      return errno === undefined ? [] : [refusal(at, errno)];
    });
    if (refused.length > 0) return refused;
    this.#sets = sets;
    this.#generation++;
    return [];
  }

  generation(): number {
    return this.#generation;
  }

  async element(_table: string, set: string, key: Uint8Array): Promise<NftElement | undefined> {
    return Promise.resolve(this.#sets.get(set)?.get(hex(key)));
  }

  async listElements(_table: string, set: string): Promise<readonly NftElement[]> {
    this.listCount++;
    if (this.#faults.isRefused('list')) throw kernelError({ action: `list ${set}`, errno: ENOBUFS });
    return Promise.resolve([...(this.#sets.get(set)?.values() ?? [])]);
  }

  listChains(): Promise<readonly string[]> {
    return Promise.resolve(this.chains);
  }

  listCounters(): Promise<readonly NftCounter[]> {
    return Promise.resolve([]);
  }

  listRules(): Promise<readonly NftRule[]> {
    return Promise.resolve([]);
  }

  close(): void {
    this.#sets = new Map();
  }
}

/** The errno of what the kernel would refuse. */
function perform(sets: Sets, { kind, set, elements }: NftElementChange): number | undefined {
  const there = sets.get(set) ?? new Map<string, NftElement>();
  sets.set(set, there);
  for (const element of elements) {
    const id = hex(element.key) + (element.keyEnd === undefined ? '' : `-${hex(element.keyEnd)}`);
    const known = there.get(id);
    if (kind === 'delete') {
      if (known === undefined) return ENOENT;
      there.delete(id);
    } else if (known === undefined) there.set(id, element);
    else if (JSON.stringify(known.data) !== JSON.stringify(element.data)) return EEXIST;
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function refusal(at: number, errno: number): RefusedChange {
  return { at, error: kernelError({ action: 'change nftables elements', errno }) };
}
