// The BPF programs and maps of one node: loads what is not there yet, takes over what is, and exchanges programs in one step.
// Everything lives on in the kernel when this process ends; only `detachAll` takes it away. Knows no Service.

import { FairleadError, isNotFound } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { openBpfMap, type BpfMap } from '../../sys/bpf-map.ts';
import { openMapSlot } from '../../sys/bpf-map-slot.ts';
import type { BpfRing } from '../../sys/bpf-ring.ts';
import { inNetns } from '../../sys/netns.ts';
import { netnsCookie } from '../../sys/socket.ts';
import { closeFd, openPin } from '../../sys/bpf-pin.ts';
import { allBpfMaps } from '../../wire/bpf-maps.ts';
import { linkPrograms, unlinkPrograms } from './cgroup-links.ts';
import { GrowingMap, type MapGrowth } from './growing-map.ts';
import { mapFills, type MapFill } from './map-fill.ts';
import { sizesForLoad } from './map-sizes.ts';
import { typedNodeMaps, type NodeMaps } from './node-maps.ts';
import { nodeLinks, refreshNodeLinks, type NodeLinks } from './node-links.ts';
import { objectFolder } from './object-folder.ts';
import { makePinFolders, mapPins, pruneStalePins, removePins, type PinPlan } from './pins.ts';
import { podInterfaces, type InNamespace, type PodInterface, type PodInterfaces } from './pod-interfaces.ts';
import { readCounters, watchEvents, type PacketCounter, type PacketEvent } from './packet-events.ts';
import { openPrograms, programNamed, type PinnedProgram } from './programs.ts';
import { forgetXdpLinks, refreshXdpLinks, xdpLinks } from './xdp-links.ts';

/** Where a node's programs come from and where they live. */
export interface NodeBpfOptions {
  /** Folder of this node alone in a mounted bpffs; made where it is missing. */
  readonly pinDir: string;
  /** Folder of the compiled objects ("build/bpf"). */
  readonly objectDir: string;
  /** cgroup v2 folder whose processes get Services at the socket; undefined takes the programs off sockets. */
  readonly cgroupPath: string | undefined;
  /** Path of the node's network namespace; undefined where the process lives in it. */
  readonly netns?: string;
  /** Map name -> entries, where those of the table do not serve: the bound of a map that grows, the size of an LRU map that is made now. */
  readonly maxEntries?: ReadonlyMap<string, number>;
  /** Told of each map that has grown, or could not. */
  readonly onGrowth?: (growth: MapGrowth) => void;
}

/** An open node: programs are loaded, those of sockets and of known pods attached. */
export interface NodeBpf {
  readonly maps: NodeMaps;
  readonly podInterfaces: PodInterfaces;
  readonly nodeLinks: NodeLinks;
  counters(): readonly PacketCounter[];
  /** How full the maps are that can get full; counts in the kernel. */
  fills(): readonly MapFill[];
  /** Calls `onEvent` for each drop, and each n-th forwarded packet where `sampleForwards` says so, until the lifetime ends. `drain` reads one batch at once. */
  events(onEvent: (event: PacketEvent) => void, lifetime: Lifetime): Pick<BpfRing, 'drain'>;
  /** Reports every n-th forwarded packet; 0 none, which is the default. */
  sampleForwards(every: number): void;
  /** Takes every program and map of this node out of the kernel. */
  detachAll(): void;
}

/**
 * Opens a node's data plane. Maps that are pinned are used as they are; a program is loaded only where its object or a layout has
 * changed, and takes the place of the old one without a moment between, on sockets and on the pods that are attached.
 */
// oxlint-disable-next-line typescript/require-await -- loading blocks; callers treat it as the I/O that it is
export async function openNodeBpf(options: NodeBpfOptions, lifetime: Lifetime): Promise<NodeBpf> {
  const plan: PinPlan = { pinDir: options.pinDir };
  makePinFolders(plan);
  const pins = mapPins(plan);
  const programs = openPrograms(plan, {
    objectDir: objectFolder(options.objectDir),
    maxEntries: sizesForLoad(pins, options.maxEntries ?? new Map()),
  });
  for (const { name, fd } of programs) lifetime.defer(`BPF program ${name}`, () => closeFd(fd));
  const opened: BpfMap[] = [];
  // Before any program is attached: one that grows begins to be there when it is opened.
  const maps = typedNodeMaps((name) => {
    const map = lifetime.own(`BPF map ${name}`, openNodeMap(name, openMapFd(pins, name), options), close);
    opened.push(map);
    return map;
  });
  if (options.cgroupPath === undefined) unlinkPrograms(plan);
  else linkPrograms(plan, programs, options.cgroupPath);
  const nodeNetnsCookie = netnsCookie(options.netns);
  forgetOtherNamespace(plan, maps, nodeNetnsCookie);
  const pods = openPodInterfaces(maps, programs, options.netns);
  const links = openNodeLinks(plan, maps, { programs, netns: options.netns });
  pruneStalePins(plan, new Set([...programs.map((it) => it.path), ...pins.values()]));
  const counters = openMapFd(pins, 'counters');
  lifetime.defer('BPF map counters', () => closeFd(counters));
  const sampleForwards = (every: number): void =>
    maps.settings.update({ index: 0 }, { nodeNetnsCookie, dropEvents: 1, forwardSampling: every });
  sampleForwards(0);
  return {
    maps,
    podInterfaces: pods,
    nodeLinks: links,
    counters: () => readCounters(counters),
    fills: () => mapFills(opened),
    events: (onEvent, owner) => watchEvents(pins.get('events') ?? '', onEvent, owner),
    sampleForwards,
    detachAll: () => {
      for (const { ifindex } of pods.list()) pods.detach(ifindex);
      for (const { ifindex } of links.list()) links.detach(ifindex);
      removePins(plan);
    },
  };
}

/**
 * Link indexes mean nothing outside of the namespace that they were written in: there, somebody else's link may have one of them.
 * A namespace's cookie never comes again while the machine runs, so that pods of another one are pods that are gone.
 */
function forgetOtherNamespace(plan: PinPlan, maps: NodeMaps, nodeNetnsCookie: bigint): void {
  const before = maps.settings.lookup({ index: 0 })?.nodeNetnsCookie ?? 0n;
  if (before === 0n || before === nodeNetnsCookie) return;
  maps.podInterfaces.deleteAll(maps.podInterfaces.entries().map(([key]) => key));
  maps.nodeLinks.deleteAll(maps.nodeLinks.entries().map(([key]) => key));
  forgetXdpLinks(plan);
}

/** Brings the programs of pods that are attached up to date; forgets pods whose interface is gone. */
function openPodInterfaces(
  maps: NodeMaps,
  programs: readonly PinnedProgram[],
  netns: string | undefined,
): PodInterfaces {
  const podPrograms = {
    podEgress: programNamed(programs, 'pod_egress').fd,
    podIngress: programNamed(programs, 'pod_ingress').fd,
  };
  const pods = podInterfaces(maps, podPrograms, namespaceOf(netns));
  for (const pod of pods.list()) attachOrForget(pods, pod);
  return pods;
}

function openNodeLinks(
  plan: PinPlan,
  maps: NodeMaps,
  { programs, netns }: { readonly programs: readonly PinnedProgram[]; readonly netns: string | undefined },
): NodeLinks {
  const nodePrograms = {
    nodeIngress: programNamed(programs, 'node_ingress').fd,
    nodeEgress: programNamed(programs, 'node_egress').fd,
  };
  const inNamespace = namespaceOf(netns);
  const xdp = xdpLinks(plan, programNamed(programs, 'node_xdp').fd, inNamespace);
  const links = nodeLinks(maps, nodePrograms, { inNamespace, xdp });
  refreshNodeLinks(links);
  refreshXdpLinks(plan, xdp);
  return links;
}

function namespaceOf(netns: string | undefined): InNamespace {
  return (visit) => (netns === undefined ? visit() : inNetns(netns, visit));
}

function attachOrForget(pods: PodInterfaces, pod: PodInterface): void {
  try {
    pods.attach(pod);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    pods.detach(pod.ifindex);
  }
}

function openNodeMap(name: string, fd: number, { maxEntries, onGrowth }: NodeBpfOptions): BpfMap {
  const spec = allBpfMaps().find((it) => it.name === name);
  if (spec?.firstEntries === undefined) return openBpfMap(name, fd);
  const layout = { name, keyBytes: spec.key.sizeBytes, valueBytes: spec.value.sizeBytes };
  return new GrowingMap({
    slot: openMapSlot(layout, fd),
    firstEntries: spec.firstEntries,
    limit: maxEntries?.get(name) ?? spec.maxEntries,
    onGrowth: onGrowth ?? (() => undefined),
  });
}

function openMapFd(pins: ReadonlyMap<string, string>, name: string): number {
  const path = pins.get(name) ?? name;
  const fd = openPin(path);
  if (fd === undefined)
    throw new FairleadError('internal', `Cannot open BPF map ${name}: nothing is pinned at ${path}`);
  return fd;
}

function close(thing: { close(): void }): void {
  thing.close();
}
