// The BPF programs and maps of one node: loads what is not there yet, takes over what is, and exchanges programs in one step.
// Everything lives on in the kernel when this process ends; only `detachAll` takes it away. Knows no Service and no pod.

import { FairleadError } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { openBpfMap } from '../../sys/bpf-map.ts';
import { closeFd, openPin } from '../../sys/bpf-pin.ts';
import { linkPrograms, unlinkPrograms } from './cgroup-links.ts';
import { typedNodeMaps, type NodeMaps } from './node-maps.ts';
import { makePinFolders, mapPins, pruneStalePins, removePins, type PinPlan } from './pins.ts';
import { openPrograms } from './programs.ts';

/** Where a node's programs come from and where they live. */
export interface NodeBpfOptions {
  /** Folder of this node alone in a mounted bpffs; made where it is missing. */
  readonly pinDir: string;
  /** Folder of the compiled objects ("build/bpf"). */
  readonly objectDir: string;
  /** cgroup v2 folder whose processes get Services at the socket; undefined takes the programs off sockets. */
  readonly cgroupPath: string | undefined;
  /** Map name -> entries, where the sizes of the table do not serve. A changed size makes a new, empty map. */
  readonly maxEntries?: ReadonlyMap<string, number>;
}

/** An open node: programs are loaded and attached. */
export interface NodeBpf {
  readonly maps: NodeMaps;
  /** Takes every program and map of this node out of the kernel. */
  detachAll(): void;
}

/**
 * Opens a node's data plane. Run it in the node's network namespace. Maps that are pinned are used as they are; a program is loaded only
 * where its object or a layout has changed, and takes the place of the old one without a moment between.
 */
// oxlint-disable-next-line typescript/require-await -- loading blocks; callers treat it as the I/O that it is
export async function openNodeBpf(options: NodeBpfOptions, lifetime: Lifetime): Promise<NodeBpf> {
  const plan: PinPlan = { pinDir: options.pinDir, maxEntries: options.maxEntries ?? new Map() };
  makePinFolders(plan);
  const programs = openPrograms(plan, options.objectDir);
  for (const { name, fd } of programs) lifetime.defer(`BPF program ${name}`, () => closeFd(fd));
  const pins = mapPins(plan);
  const maps = typedNodeMaps((name) => openMap(name, pins.get(name) ?? name, lifetime));
  if (options.cgroupPath === undefined) unlinkPrograms(plan);
  else linkPrograms(plan, programs, options.cgroupPath);
  pruneStalePins(plan, new Set([...programs.map((it) => it.path), ...pins.values()]));
  return { maps, detachAll: () => removePins(plan) };
}

function openMap(name: string, path: string, lifetime: Lifetime): ReturnType<typeof openBpfMap> {
  const fd = openPin(path);
  if (fd === undefined)
    throw new FairleadError('internal', `Cannot open BPF map ${name}: nothing is pinned at ${path}`);
  return lifetime.own(`BPF map ${name}`, openBpfMap(name, fd), (map) => map.close());
}
