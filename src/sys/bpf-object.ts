// Loads compiled BPF objects into the kernel. Knows files, pins and verifier logs, and no program in particular.

import { FairleadError } from '../base/errors.ts';
import { kernelError } from './errno.ts';
import * as bpf from './bpf-libbpf.ts';

/** How to load one object file. */
export interface BpfObjectOptions {
  readonly path: string;
  /** Map name -> path in a bpffs: the map there is used, or a new one is made and pinned there. Other maps live with the object. */
  readonly pins?: ReadonlyMap<string, string>;
  /** Map name -> entries, where the object's own size does not serve. */
  readonly maxEntries?: ReadonlyMap<string, number>;
  /** Map name -> initial bytes of a data section (".rodata"). */
  readonly initialValues?: ReadonlyMap<string, Uint8Array>;
}

/** A loaded object: its descriptors belong to it and are closed with it; what is pinned or attached stays. */
export interface BpfObject {
  /** Program name -> descriptor. */
  readonly programs: ReadonlyMap<string, number>;
  readonly maps: ReadonlyMap<string, number>;
  close(): void;
}

/**
 * Loads an object file. A refusal throws `kernel` (or `unsupported`, `forbidden`) with the last lines of the verifier or of libbpf in
 * the message and their whole text as the message of the cause.
 */
export function loadBpfObject(options: BpfObjectOptions): BpfObject {
  const { result, log } = bpf.withBpfLog(() => tryLoad(options));
  if ('object' in result) return describe(result.object);
  const lines = usefulLines(log);
  const refusal = kernelError({
    action: `load BPF object ${options.path}`,
    errno: result.errno,
    detail: lines === '' ? undefined : lines,
  });
  throw new FairleadError(refusal.code, refusal.message, {
    details: refusal.details,
    cause: new Error(log),
  });
}

function tryLoad(options: BpfObjectOptions): { object: bpf.Pointer } | { errno: number } {
  const object = bpf.objectOpen(options.path, null);
  if (object === null) return { errno: bpf.lastErrno() };
  const prepared = prepareMaps(object, options);
  const loaded = prepared < 0 ? prepared : bpf.objectLoad(object);
  if (loaded >= 0) return { object };
  bpf.objectClose(object);
  return { errno: -loaded };
}

function prepareMaps(object: bpf.Pointer, options: BpfObjectOptions): number {
  for (const map of each(object, bpf.nextMap)) {
    const name = bpf.mapName(map);
    const entries = options.maxEntries?.get(name);
    const pin = options.pins?.get(name);
    const value = options.initialValues?.get(name);
    const results = [
      entries === undefined ? 0 : bpf.mapSetMaxEntries(map, entries),
      pin === undefined ? 0 : bpf.mapSetPinPath(map, pin),
      value === undefined ? 0 : bpf.mapSetInitialValue(map, value, value.length),
    ];
    const failed = results.find((it) => it < 0);
    if (failed !== undefined) return failed;
  }
  return 0;
}

function describe(object: bpf.Pointer): BpfObject {
  const programs = each(object, bpf.nextProgram).map(
    (it) => [bpf.programName(it), bpf.programFd(it)] as const,
  );
  const maps = each(object, bpf.nextMap).map((it) => [bpf.mapName(it), bpf.mapFd(it)] as const);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) bpf.objectClose(object);
    isOpen = false;
  };
  return { programs: new Map(programs), maps: new Map(maps), close };
}

function each(
  object: bpf.Pointer,
  next: (object: bpf.Pointer, it: bpf.Pointer) => bpf.Pointer,
): bpf.Pointer[] {
  const found: bpf.Pointer[] = [];
  for (let it = next(object, null); it !== null; it = next(object, it)) found.push(it);
  return found;
}

/** The lines that tell: the verifier's last ones before its statistics, without libbpf's frame around the log. */
function usefulLines(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^(processed \d+ insns|-- |libbpf: (prog|failed to load|-- ))/.test(line),
    );
  return lines.slice(-3).join('; ');
}
