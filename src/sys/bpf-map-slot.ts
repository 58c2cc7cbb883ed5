// A slot that holds one map (ARRAY_OF_MAPS with one entry), and new maps for it: programs that look through the slot meet the former map
// or the new one. Knows nothing of what the maps hold.

import { FairleadError } from '../base/errors.ts';
import { openBpfMap, bpfMapInfo, type BpfMap } from './bpf-map.ts';
import * as bpf from './bpf-libbpf.ts';
import { close } from './ffi.ts';

/** What a map in a slot has to be like; the size alone may differ. */
export interface SlotMapLayout {
  readonly name: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

export interface BpfMapSlot {
  /** The map of now, undefined where none was ever put there. The caller closes it. */
  open(): BpfMap | undefined;
  /** An empty map that nothing reads yet. */
  make(maxEntries: number): NewMap;
  close(): void;
}

/** A map on its way into a slot; where it does not get there it goes with its last descriptor. */
export interface NewMap {
  readonly map: BpfMap;
  /** Gives it to the programs, in one step. The kernel waits until none of them reads the former one. */
  readonly install: () => void;
}

const HASH = 1;
const NO_PREALLOC = 1;
/** struct bpf_map_create_opts (bpf/bpf.h), and where its flags lie. */
const OPTIONS_BYTES = 48;
const FLAGS_AT = 28;
const NAME_MAX = 15;
const ENOENT = -2;

/** The slot behind a descriptor, which it takes over. Its maps are hashes that take memory by what is in them. */
export function openMapSlot(layout: SlotMapLayout, slot: number): BpfMapSlot {
  let isOpen = true;
  return {
    open: () => {
      const id = numberIn(slot, layout.name);
      if (id === undefined) return undefined;
      return openBpfMap(
        layout.name,
        bpf.checkedBpf(`open BPF map ${layout.name} by its number`, bpf.mapFdById(id)),
      );
    },
    make: (maxEntries) => {
      const fd = createHash(layout, maxEntries);
      return {
        map: openBpfMap(layout.name, fd),
        install: () => {
          const result = bpf.mapUpdate(slot, u32(0), u32(fd), 0);
          bpf.checkedBpf(`exchange BPF map ${layout.name} for one of ${maxEntries} entries`, result);
        },
      };
    },
    close: () => {
      if (isOpen) close(slot);
      isOpen = false;
    },
  };
}

/** Reading a slot gives the map's number, not a descriptor. */
function numberIn(slot: number, name: string): number | undefined {
  const { valueBytes } = bpfMapInfo(slot);
  if (valueBytes !== 4)
    throw new FairleadError('internal', `Cannot use BPF map ${name} as a slot: it is none`);
  const id = u32(0);
  const result = bpf.mapLookup(slot, u32(0), id);
  if (result === ENOENT) return undefined;
  bpf.checkedBpf(`look into the slot of BPF map ${name}`, result);
  return new DataView(id.buffer).getUint32(0, true);
}

function createHash({ name, keyBytes, valueBytes }: SlotMapLayout, maxEntries: number): number {
  const options = new Uint8Array(OPTIONS_BYTES);
  const view = new DataView(options.buffer);
  view.setBigUint64(0, BigInt(OPTIONS_BYTES), true);
  view.setUint32(FLAGS_AT, NO_PREALLOC, true);
  const kernelName = name.slice(0, NAME_MAX);
  const fd = bpf.mapCreate(HASH, kernelName, keyBytes, valueBytes, maxEntries, options);
  return bpf.checkedBpf(`make BPF map ${name} of ${maxEntries} entries`, fd);
}

function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
