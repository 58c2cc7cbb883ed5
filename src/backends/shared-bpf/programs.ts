// Loads the node's programs, each from its own object, or takes over those that are pinned from the same object already.

import { readFileSync } from 'node:fs';
import { FairleadError } from '../../base/errors.ts';
import { wrapNodeError } from '../../sys/errno.ts';
import { loadBpfObject } from '../../sys/bpf-object.ts';
import { CGROUP_ATTACH_TYPES, openPin, pin, unpin } from '../../sys/bpf-pin.ts';
import { hasAllMaps, mapPins, programPin, type PinPlan } from './pins.ts';

/** A program in the kernel: its descriptor and the pin that keeps it. */
export interface PinnedProgram {
  readonly name: string;
  readonly fd: number;
  readonly path: string;
}

/** Object files, each with one program of the same name: one per attach point. */
export const PROGRAM_NAMES: readonly string[] = [
  ...Object.keys(CGROUP_ATTACH_TYPES),
  'pod_egress',
  'pod_ingress',
  'node_ingress',
  'node_egress',
  'node_xdp',
];

/** Where programs come from, and how large maps are made with them (`sizesForLoad`). */
export interface ProgramSource {
  readonly objectDir: string;
  readonly maxEntries: ReadonlyMap<string, number>;
}

/** Opens every program; the caller closes the descriptors. */
export function openPrograms(plan: PinPlan, source: ProgramSource): readonly PinnedProgram[] {
  // A program keeps the maps that it was loaded with: where one of ours is missing, pinned programs use others.
  const mayReuse = hasAllMaps(plan);
  return PROGRAM_NAMES.map((name) => {
    const file = `${source.objectDir}/${name}.o`;
    const path = programPin(plan, name, readObject(file));
    const pinned = mayReuse ? openPin(path) : undefined;
    return {
      name,
      path,
      fd: pinned ?? loadProgram(plan, { file, maxEntries: source.maxEntries }, { name, path }),
    };
  });
}

function loadProgram(
  plan: PinPlan,
  { file, maxEntries }: { readonly file: string; readonly maxEntries: ReadonlyMap<string, number> },
  to: { readonly name: string; readonly path: string },
): number {
  const object = loadBpfObject({ path: file, pins: mapPins(plan), maxEntries });
  try {
    const program = object.programs.get(to.name);
    if (program === undefined)
      throw new FairleadError('invalid', `Cannot load BPF object ${file}: it holds no program ${to.name}`);
    unpin(to.path);
    pin(program, to.path);
  } finally {
    object.close();
  }
  const fd = openPin(to.path);
  if (fd === undefined)
    throw new FairleadError('internal', `Cannot open program ${to.name}: pin ${to.path} is gone`);
  return fd;
}

function readObject(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw wrapNodeError(`read BPF object ${file}`, error);
  }
}

/** The program of a name that is in `PROGRAM_NAMES`. */
export function programNamed(programs: readonly PinnedProgram[], name: string): PinnedProgram {
  const found = programs.find((it) => it.name === name);
  if (found === undefined)
    throw new FairleadError('internal', `Cannot find program ${name}: it is not in the table`);
  return found;
}
