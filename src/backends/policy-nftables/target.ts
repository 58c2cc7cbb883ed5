// The table as a target: one entry, changed in one transaction, so that a change of policies is seen whole or not at all.

import type { Target } from '../../reconcile/target.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import type { NftElement, NftElementChange } from '../../wire/netlink/nftables.ts';
import { flowsOf, markDeniedFlows } from '../shared-policy/denied-flow.ts';
import { encodeElement, readKey, readValue } from './element-codec.ts';
import { TABLE_KEY } from './render.ts';
import { deletionScript, RULE_COUNT, tableScript } from './skeleton.ts';
import { POLICY_MARK, POLICY_TABLE, SET_PLANS, type PolicyElements, type PolicyTable } from './table-plan.ts';
import { PolicyTrace } from './trace.ts';

/** What changes more is loaded as a whole. */
const MOST_CHANGES = 16_384;

export interface PolicyTableDoors {
  readonly tables: NfTables;
  readonly conntrack: Pick<Conntrack, 'changeMarks'>;
  readonly place: NftPlace;
}

export function policyTableTarget({ tables, conntrack, place }: PolicyTableDoors): Target<PolicyTable> {
  const known = new KnownTable(tables);
  const flows = new PolicyFlows(conntrack);
  return {
    name: 'policy-nftables',
    isIsolated: true,
    observe: async () => {
      const table = await known.observe();
      return new Map(table === undefined ? [] : [[TABLE_KEY, table]]);
    },
    isEqual: isSameTable,
    update: (entries, signal) =>
      each(entries, async (table) => {
        await known.make(table, { ...place, signal });
        await flows.bringTo(table);
      }),
    delete: (entries, signal) => {
      flows.forget();
      return each(entries, () => applyNft(deletionScript(), { ...place, signal }));
    },
    print: (verb, _key, { elements }) => [
      verb === 'update'
        ? `make table inet ${POLICY_TABLE} of ${elements.size} elements`
        : `delete table inet ${POLICY_TABLE}`,
    ],
  };
}

/** Brings flows to what a table says of them. */
class PolicyFlows {
  readonly #conntrack: PolicyTableDoors['conntrack'];
  /** Of the table that the flows were brought to. */
  #done: PolicyElements | undefined;
  /** Some flow is marked as denied, or may be. */
  #hasDenied = true;

  constructor(conntrack: PolicyTableDoors['conntrack']) {
    this.#conntrack = conntrack;
  }

  forget(): void {
    this.#done = undefined;
    this.#hasDenied = true;
  }

  /** Where addresses have come to be open and no flow is denied, none changes. */
  async bringTo({ change, elements }: PolicyTable): Promise<void> {
    const known = this.#done !== undefined && change?.from.deref() === this.#done ? change : undefined;
    const hadDenied = this.#hasDenied;
    this.forget();
    const makeJudge = (): PolicyTrace => new PolicyTrace(elements);
    if (known === undefined) this.#hasDenied = await markDeniedFlows(this.#conntrack, makeJudge);
    else {
      const isSame = known.isOpening && !hadDenied;
      const hasDenied = !isSame && (await markDeniedFlows(this.#conntrack, makeJudge, flowsOf(known.ips)));
      this.#hasDenied = hadDenied || hasDenied;
    }
    this.#done = elements;
  }
}

async function each(
  entries: ReadonlyMap<string, PolicyTable>,
  work: (table: PolicyTable) => Promise<void>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const [key, table] of entries) await work(table).catch((error: unknown) => failures.set(key, error));
  return failures;
}

function isSameTable(a: PolicyTable, b: PolicyTable): boolean {
  if (a.mark !== b.mark || a.elements.size !== b.elements.size) return false;
  if (a.elements === b.elements) return true;
  for (const [key, value] of a.elements) if (b.elements.get(key) !== value) return false;
  return true;
}

/** What the kernel holds, read again where its own count of transactions says that anybody has changed anything. */
class KnownTable {
  readonly #tables: NfTables;
  #table: PolicyTable | undefined;
  #generation: number | undefined;

  constructor(tables: NfTables) {
    this.#tables = tables;
  }

  async observe(): Promise<PolicyTable | undefined> {
    const generation = this.#tables.generation();
    if (this.#generation === generation) return this.#table;
    this.#generation = undefined;
    const table = await readTable(this.#tables);
    // What was read while something changed is not of one moment.
    if (this.#tables.generation() === generation) {
      this.#table = table;
      this.#generation = generation;
    }
    return table;
  }

  /** By its difference where that is small and fits, else all of it anew. */
  async make(wanted: PolicyTable, place: NftPlace): Promise<void> {
    const there = await this.observe();
    const before = this.#generation;
    this.#generation = undefined;
    if (!this.#change(there, wanted, before)) await applyNft(tableScript(wanted.elements), place);
    // The same number where nothing was to do, the one after it for our own: nobody else was here.
    const now = this.#tables.generation();
    if (before === undefined || (now !== before && now !== following(before))) return;
    this.#table = wanted;
    this.#generation = now;
  }

  /** False where the difference is no way. */
  #change(there: PolicyTable | undefined, wanted: PolicyTable, generation: number | undefined): boolean {
    if (there?.mark !== POLICY_MARK) return false;
    const { change, elements } = wanted;
    const keys = change?.from.deref() === there.elements ? change.keys : undefined;
    const { changes, count } = changesOf(only(there.elements, keys), only(elements, keys));
    return count <= MOST_CHANGES && this.#tables.apply(changes, generation).length === 0;
  }
}

/** The elements that may differ, where that is known. */
function only(elements: PolicyElements, keys: ReadonlySet<string> | undefined): PolicyElements {
  if (keys === undefined) return elements;
  const picked = new Map<string, string>();
  for (const key of keys) {
    const value = elements.get(key);
    if (value !== undefined) picked.set(key, value);
  }
  return picked;
}

/** Zero is no number of a transaction. */
function following(generation: number): number {
  return generation === 0xffff_ffff ? 1 : generation + 1;
}

/** Undefined where there is none; a table whose rules are not ours has another mark and no elements. */
async function readTable(tables: NfTables): Promise<PolicyTable | undefined> {
  const rules = await tables.listRules(POLICY_TABLE);
  if (rules.length !== RULE_COUNT || rules.some(({ comment }) => comment !== POLICY_MARK)) {
    const isThere = rules.length > 0 || (await tables.listChains(POLICY_TABLE)).length > 0;
    return isThere ? { mark: '', elements: new Map() } : undefined;
  }
  const elements = new Map<string, string>();
  for (const [set, plan] of SET_PLANS)
    for (const element of (await tables.listElements(POLICY_TABLE, set)) ?? [])
      elements.set(`${set} ${readKey(plan, element)}`, readValue(plan, element));
  return { mark: POLICY_MARK, elements };
}

/** What leaves comes before what takes its place. */
function changesOf(
  from: PolicyElements,
  to: PolicyElements,
): { readonly changes: readonly NftElementChange[]; readonly count: number } {
  const [removed, added] = [new Map<string, NftElement[]>(), new Map<string, NftElement[]>()];
  let count = 0;
  const push = (lists: Map<string, NftElement[]>, key: string, value: string | undefined): void => {
    const set = key.slice(0, key.indexOf(' '));
    const plan = SET_PLANS.get(set);
    if (plan === undefined) return;
    const element = encodeElement(plan, key.slice(set.length + 1), value);
    const list = lists.get(set);
    if (list === undefined) lists.set(set, [element]);
    else list.push(element);
    count++;
  };
  for (const [key, value] of from) if (to.get(key) !== value) push(removed, key, undefined);
  for (const [key, value] of to) if (from.get(key) !== value) push(added, key, value);
  const change =
    (kind: 'add' | 'delete') =>
    ([set, elements]: readonly [string, readonly NftElement[]]): NftElementChange => ({
      kind,
      table: POLICY_TABLE,
      set,
      elements,
    });
  return { changes: [...[...removed].map(change('delete')), ...[...added].map(change('add'))], count };
}
