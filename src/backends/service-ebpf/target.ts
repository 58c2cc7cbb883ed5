// Moves frontends into the maps that the programs read. A change is seen whole or not at all: the new set of endpoints is written
// first, then the frontend is switched to it, then the old set goes.

import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import {
  endpointText,
  hasSameEndpoints,
  isSameRow,
  type FrontendRow,
  type RowChoice,
} from './frontend-row.ts';
import {
  AddressUse,
  hasNamedSizes,
  keyOfRow,
  removeOrphans,
  removeSets,
  setsOf,
  type NamedSets,
} from './map-upkeep.ts';
import { buildTables, type MaglevTables } from './maglev-tables.ts';
import { observeRows } from './observe.ts';
import { writeRows } from './write-rows.ts';

/** The maps of a node as a target of rows by frontend key. Leftovers of a writer that was killed are removed at once. */
export function openServiceTarget(maps: NodeMaps): Target<FrontendRow> {
  removeOrphans(maps);
  const use = new AddressUse();
  use.read(maps);
  const leftovers = new Leftovers(maps);
  return {
    name: 'service-ebpf',
    isIsolated: true,
    observe: async () => {
      leftovers.remove();
      use.read(maps);
      return observeRows(maps);
    },
    isEqual: isSameRow,
    update: async (rows, signal, seen) => {
      const write = (some: typeof rows, tables: MaglevTables): ReadonlyMap<string, unknown> =>
        leftovers.after(() => writeRows({ maps, use, seen, tables }, some));
      // Those that need no table first: a large one takes its time.
      const [hashed, others] = partition(rows, (row) => row.isMaglev);
      const failures = write(others, new Map());
      if (hashed.size === 0) return failures;
      const tables = await buildTables(hashed, signal);
      return new Map([...failures, ...write(hashed, tables)]);
    },
    delete: async (rows) => leftovers.after(() => deleteRows(maps, use, rows)),
    print: (verb, key, row) => [
      verb === 'delete' ? `delete frontend ${key}` : `replace frontend ${key} ${describeRow(row)}`,
    ],
  };
}

function partition(
  rows: ReadonlyMap<string, FrontendRow>,
  isFirst: (row: FrontendRow) => boolean,
): readonly [ReadonlyMap<string, FrontendRow>, ReadonlyMap<string, FrontendRow>] {
  const { yes = [], no = [] } = Object.groupBy(rows, ([, row]) => (isFirst(row) ? 'yes' : 'no'));
  return [new Map(yes), new Map(no)];
}

/** What a refused write or removal, or another hand, may have left: no row names it, so that no difference would ever show it. */
class Leftovers {
  readonly #maps: NodeMaps;
  #mayExist = false;

  constructor(maps: NodeMaps) {
    this.#maps = maps;
  }

  after(work: () => ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
    // Until the work has ended well: an error that it throws is the engine's to tell.
    const mayHaveExisted = this.#mayExist;
    this.#mayExist = true;
    const failures = work();
    this.#mayExist = mayHaveExisted || failures.size > 0;
    return failures;
  }

  remove(): void {
    if (!this.#mayExist && hasNamedSizes(this.#maps)) return;
    try {
      removeOrphans(this.#maps);
      this.#mayExist = false;
    } catch {
      // They carry no traffic and what was refused has been told: the next look tries again, and this one goes on.
    }
  }
}

function describeRow(row: FrontendRow): string {
  const { inside, outside, direct, masqueradesOutside, isMaglev, sourceRanges } = row;
  const isShared = inside.whenEmpty === outside.whenEmpty && hasSameEndpoints(inside, outside);
  return [
    describeChoice(inside),
    ...(isShared ? [] : [`outside ${describeChoice(outside)}`]),
    ...(masqueradesOutside ? [] : ['keep outside']),
    ...(isMaglev ? ['maglev'] : []),
    ...(direct === undefined ? [] : [`direct to ${direct.map(endpointText).join(', ') || 'none here'}`]),
    ...(sourceRanges === undefined ? [] : [`from ${sourceRanges.join(', ') || 'nowhere'}`]),
  ].join(' ');
}

function describeChoice({ endpoints, whenEmpty }: RowChoice): string {
  return endpoints.length === 0 ? whenEmpty : `to ${endpoints.map(endpointText).join(', ')}`;
}

function deleteRows(
  maps: NodeMaps,
  use: AddressUse,
  rows: ReadonlyMap<string, FrontendRow>,
): ReadonlyMap<string, unknown> {
  const failures = new Map<string, unknown>();
  const obsolete: NamedSets[] = [];
  const each = (work: (row: FrontendRow) => void): void => {
    for (const [key, row] of rows) {
      if (failures.has(key)) continue;
      try {
        work(row);
      } catch (error) {
        failures.set(key, error);
      }
    }
  };
  // Addresses first: one that still stands refuses what it has no frontend for, while another backend carries that already.
  each((row) => {
    if (use.remove(row)) maps.addresses.delete({ ip: row.ip });
  });
  each((row) => {
    const known = maps.frontends.lookup(keyOfRow(row));
    maps.frontends.delete(keyOfRow(row));
    if (known !== undefined) obsolete.push(setsOf(known, row.sourceRanges));
  });
  removeSets(maps, obsolete);
  return failures;
}
