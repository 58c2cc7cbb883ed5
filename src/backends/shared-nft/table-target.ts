// A planned table as a target of the reconciler: one nft transaction per change, elements alone where the table stands.

import { cidrFamily, cidrOf, hostCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { applyNft, deleteNftTable, listNftTable, type NftPlace } from '../../sys/nft.ts';
import {
  elementKey,
  setNames,
  SKELETON_KEY,
  skeletonScript,
  type TableElement,
  type TableEntry,
  type TablePlan,
} from './table.ts';

type Json = Readonly<Record<string, unknown>>;

/** `renderTable` makes the desired state. */
export function tableTarget(name: string, plan: TablePlan, place: NftPlace = {}): Target<TableEntry> {
  const at = (signal: AbortSignal): Place => ({ ...place, signal, plan });
  return {
    name,
    observe: (signal) => observe(at(signal)),
    isEqual: (a, b) => a.kind !== 'skeleton' || b.kind !== 'skeleton' || a.mark === b.mark,
    update: (entries, signal) => update(entries, at(signal)),
    delete: (entries, signal) => remove(entries, at(signal)),
    print: (verb, _key, entry) => print(plan, verb, entry),
  };
}

interface Place extends NftPlace {
  readonly plan: TablePlan;
}

function print(plan: TablePlan, verb: 'update' | 'delete', entry: TableEntry): readonly string[] {
  const { family, name } = plan.table;
  if (entry.kind === 'skeleton') {
    const text = verb === 'update' ? skeletonScript(plan) : `delete table ${family} ${name}\n`;
    return text.trimEnd().split('\n');
  }
  return [elementScript(plan, verb === 'update' ? 'add' : 'delete', [entry]).trimEnd()];
}

/** A table that is not as we load it reads as one of another mark and without elements: it is loaded anew. */
async function observe(place: Place): Promise<ReadonlyMap<string, TableEntry>> {
  const { plan } = place;
  const objects = await listNftTable(plan.table, place);
  if (objects === undefined) return new Map();
  if (!isWhole(plan, objects)) return new Map([[SKELETON_KEY, { kind: 'skeleton', mark: '' }]]);
  const elements = objects.flatMap((it) => elementsOf(plan, it['set']));
  return new Map<string, TableEntry>([
    [SKELETON_KEY, { kind: 'skeleton', mark: plan.mark }],
    ...elements.map((it) => [elementKey(it), it] as const),
  ]);
}

function isWhole(plan: TablePlan, objects: readonly Json[]): boolean {
  const rules = objects.map((it) => it['rule']).filter(isRecord);
  const sets = objects.map((it) => it['set']).filter(isRecord);
  const names = setNames(plan);
  return (
    rules.length === plan.rules &&
    rules.every((rule) => rule['comment'] === plan.mark) &&
    sets.length === names.size &&
    sets.every((set) => typeof set['name'] === 'string' && names.has(set['name']))
  );
}

function elementsOf(plan: TablePlan, set: unknown): readonly TableElement[] {
  if (!isRecord(set) || !Array.isArray(set['elem'])) return [];
  const name = set['name'];
  if (typeof name !== 'string' || !setNames(plan).has(name)) return [];
  return set['elem'].flatMap((value: unknown) => {
    const cidr = cidrOfElement(value);
    return cidr === undefined ? [] : [{ kind: 'element' as const, set: name, cidr }];
  });
}

/** nft prints "10.0.0.1" for one address, {"prefix":{"addr":"10.0.0.0","len":16}} for a prefix. */
function cidrOfElement(value: unknown): Cidr | undefined {
  if (typeof value === 'string') return hostCidr(parseIp(value));
  const prefix = isRecord(value) ? value['prefix'] : undefined;
  if (!isRecord(prefix) || typeof prefix['addr'] !== 'string' || typeof prefix['len'] !== 'number') {
    return undefined;
  }
  return cidrOf(parseIp(prefix['addr']), prefix['len']);
}

/** All entries in one transaction: they fail or stand together. */
async function update(
  entries: ReadonlyMap<string, TableEntry>,
  place: Place,
): Promise<ReadonlyMap<string, unknown>> {
  const needsSkeleton = [...entries.values()].some((it) => it.kind === 'skeleton');
  const elements = [...entries.values()].filter((it) => it.kind === 'element');
  return transaction(
    entries,
    `${needsSkeleton ? skeletonScript(place.plan) : ''}${elementScript(place.plan, 'add', elements)}`,
    place,
  );
}

async function remove(
  entries: ReadonlyMap<string, TableEntry>,
  place: Place,
): Promise<ReadonlyMap<string, unknown>> {
  if (entries.has(SKELETON_KEY)) {
    try {
      await deleteNftTable(place.plan.table, place);
      return new Map();
    } catch (error) {
      return new Map([...entries.keys()].map((key) => [key, error]));
    }
  }
  const present = await observe(place);
  const elements = [...entries].flatMap(([key, it]) =>
    it.kind === 'element' && present.has(key) ? [it] : [],
  );
  return transaction(entries, elementScript(place.plan, 'delete', elements), place);
}

async function transaction(
  entries: ReadonlyMap<string, unknown>,
  script: string,
  place: Place,
): Promise<ReadonlyMap<string, unknown>> {
  if (script === '') return new Map();
  try {
    await applyNft(script, place);
    return new Map();
  } catch (error) {
    return new Map([...entries.keys()].map((key) => [key, error]));
  }
}

function elementScript(plan: TablePlan, verb: 'add' | 'delete', elements: readonly TableElement[]): string {
  const { family, name } = plan.table;
  return elements
    .map(({ set, cidr }) => `${verb} element ${family} ${name} ${set} { ${elementText(cidr)} }\n`)
    .join('');
}

/** Written as nft prints it, so that what is deleted is found. */
function elementText(cidr: Cidr): string {
  const width = cidrFamily(cidr) === 4 ? '/32' : '/128';
  return cidr.endsWith(width) ? cidr.slice(0, -width.length) : cidr;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
