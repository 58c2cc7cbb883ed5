// The masquerade table as a target of the reconciler: one nft transaction per change, elements alone where the table stands.

import { cidrFamily, cidrOf, hostCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { applyNft, deleteNftTable, listNftTable, type NftPlace } from '../../sys/nft.ts';
import {
  elementKey,
  MASQUERADE_SETS,
  MASQUERADE_TABLE,
  SKELETON_KEY,
  SKELETON_MARK,
  skeletonScript,
  type MasqueradeEntry,
  type MasqueradeSet,
} from './masquerade.ts';

type Element = Extract<MasqueradeEntry, { readonly kind: 'element' }>;
type Json = Readonly<Record<string, unknown>>;

/** `renderMasquerade` makes the desired state. */
export function masqueradeTarget(place: NftPlace = {}): Target<MasqueradeEntry> {
  return {
    name: 'masquerade',
    observe: (signal) => observe({ ...place, signal }),
    isEqual: (a, b) => a.kind !== 'skeleton' || b.kind !== 'skeleton' || a.mark === b.mark,
    update: (entries, signal) => update(entries, { ...place, signal }),
    delete: (entries, signal) => remove(entries, { ...place, signal }),
    print: (verb, _key, entry) => print(verb, entry),
  };
}

function print(verb: 'update' | 'delete', entry: MasqueradeEntry): readonly string[] {
  const { family, name } = MASQUERADE_TABLE;
  if (entry.kind === 'skeleton') {
    const text = verb === 'update' ? skeletonScript() : `delete table ${family} ${name}\n`;
    return text.trimEnd().split('\n');
  }
  return [elementScript(verb === 'update' ? 'add' : 'delete', [entry]).trimEnd()];
}

/** A table that is not as we load it reads as one of another mark and without elements: it is loaded anew. */
async function observe(place: NftPlace): Promise<ReadonlyMap<string, MasqueradeEntry>> {
  const objects = await listNftTable(MASQUERADE_TABLE, place);
  if (objects === undefined) return new Map();
  if (!isWhole(objects)) return new Map([[SKELETON_KEY, { kind: 'skeleton', mark: '' }]]);
  const elements = objects.flatMap((it) => elementsOf(it['set']));
  return new Map<string, MasqueradeEntry>([
    [SKELETON_KEY, { kind: 'skeleton', mark: SKELETON_MARK }],
    ...elements.map((it) => [elementKey(it), it] as const),
  ]);
}

function isWhole(objects: readonly Json[]): boolean {
  const rules = objects.map((it) => it['rule']).filter(isRecord);
  const sets = objects.map((it) => it['set']).filter(isRecord);
  return (
    rules.length === 2 &&
    rules.every((rule) => rule['comment'] === SKELETON_MARK) &&
    sets.length === Object.keys(MASQUERADE_SETS).length &&
    sets.every((set) => isSetName(set['name']))
  );
}

function elementsOf(set: unknown): readonly Element[] {
  if (!isRecord(set) || !isSetName(set['name']) || !Array.isArray(set['elem'])) return [];
  const name = set['name'];
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
  entries: ReadonlyMap<string, MasqueradeEntry>,
  place: NftPlace,
): Promise<ReadonlyMap<string, unknown>> {
  const needsSkeleton = [...entries.values()].some((it) => it.kind === 'skeleton');
  const elements = [...entries.values()].filter((it) => it.kind === 'element');
  return transaction(
    entries,
    `${needsSkeleton ? skeletonScript() : ''}${elementScript('add', elements)}`,
    place,
  );
}

async function remove(
  entries: ReadonlyMap<string, MasqueradeEntry>,
  place: NftPlace,
): Promise<ReadonlyMap<string, unknown>> {
  if (entries.has(SKELETON_KEY)) {
    try {
      await deleteNftTable(MASQUERADE_TABLE, place);
      return new Map();
    } catch (error) {
      return new Map([...entries.keys()].map((key) => [key, error]));
    }
  }
  const present = await observe(place);
  const elements = [...entries].flatMap(([key, it]) =>
    it.kind === 'element' && present.has(key) ? [it] : [],
  );
  return transaction(entries, elementScript('delete', elements), place);
}

async function transaction(
  entries: ReadonlyMap<string, unknown>,
  script: string,
  place: NftPlace,
): Promise<ReadonlyMap<string, unknown>> {
  if (script === '') return new Map();
  try {
    await applyNft(script, place);
    return new Map();
  } catch (error) {
    return new Map([...entries.keys()].map((key) => [key, error]));
  }
}

function elementScript(verb: 'add' | 'delete', elements: readonly Element[]): string {
  const { family, name } = MASQUERADE_TABLE;
  return elements
    .map(({ set, cidr }) => `${verb} element ${family} ${name} ${set} { ${elementText(cidr)} }\n`)
    .join('');
}

/** Written as nft prints it, so that what is deleted is found. */
function elementText(cidr: Cidr): string {
  const width = cidrFamily(cidr) === 4 ? '/32' : '/128';
  return cidr.endsWith(width) ? cidr.slice(0, -width.length) : cidr;
}

function isSetName(value: unknown): value is MasqueradeSet {
  return typeof value === 'string' && value in MASQUERADE_SETS;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
