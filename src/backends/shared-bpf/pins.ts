// Names of a node's pins in its bpffs folder: maps by layout, programs by the bytes of their object, links by attach point.
// A name says what it holds, so that an upgrade never opens what it would misread.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { wrapNodeError } from '../../sys/errno.ts';
import { unpin } from '../../sys/bpf-pin.ts';
import { allBpfMaps, type AnyBpfMapSpec } from '../../wire/bpf-maps.ts';
import { isSizedOnce } from './map-sizes.ts';

/** What the names of the pins depend on. */
export interface PinPlan {
  readonly pinDir: string;
}

const FOLDERS = ['maps', 'programs', 'links'] as const;

export function makePinFolders(plan: PinPlan): void {
  for (const folder of FOLDERS) {
    const path = `${plan.pinDir}/${folder}`;
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      throw wrapNodeError(`make pin folder ${path}`, error);
    }
  }
}

/** Map name -> path of its pin. */
export function mapPins(plan: PinPlan): ReadonlyMap<string, string> {
  return new Map(
    allBpfMaps().map((spec) => {
      const layout = [spec.key.fields, spec.value.fields, spec.kind, spec.flags, sizeOf(spec)];
      return [spec.name, `${plan.pinDir}/maps/${spec.name}-${shortHash(JSON.stringify(layout))}`];
    }),
  );
}

/** Where the size is part of the layout. What grows, and what is sized when it is made, is used at whatever size it has. */
function sizeOf(spec: AnyBpfMapSpec): number | string {
  if (spec.firstEntries !== undefined) return 'grows';
  return isSizedOnce(spec) ? 'sized once' : spec.maxEntries;
}

/** True when every map of the plan is there: only then can pinned programs be the ones that use them. */
export function hasAllMaps(plan: PinPlan): boolean {
  return [...mapPins(plan).values()].every((path) => existsSync(path));
}

/** The pin of a program: another object or another map layout gives another name. */
export function programPin(plan: PinPlan, name: string, object: Uint8Array): string {
  const maps = [...mapPins(plan).values()].join();
  return `${plan.pinDir}/programs/${name}-${shortHash(Buffer.concat([object, Buffer.from(maps)]))}`;
}

export function linkPin(plan: PinPlan, point: string): string {
  return `${plan.pinDir}/links/${point}`;
}

/** Removes pins that nobody needs any more: run after programs and links are exchanged. */
export function pruneStalePins(plan: PinPlan, keep: ReadonlySet<string>): void {
  for (const path of [...pinsIn(plan, 'programs'), ...pinsIn(plan, 'maps')]) if (!keep.has(path)) unpin(path);
}

/** Removes all pins, links first so that no program runs on maps that are gone, and their folders. */
export function removePins(plan: PinPlan): void {
  for (const folder of ['links', 'programs', 'maps'] as const) {
    for (const path of pinsIn(plan, folder)) unpin(path);
    removeFolder(`${plan.pinDir}/${folder}`);
  }
  removeFolder(plan.pinDir);
}

function pinsIn(plan: PinPlan, folder: string): readonly string[] {
  const path = `${plan.pinDir}/${folder}`;
  return existsSync(path) ? readdirSync(path).map((name) => `${path}/${name}`) : [];
}

function removeFolder(path: string): void {
  try {
    if (existsSync(path)) rmdirSync(path);
  } catch (error) {
    throw wrapNodeError(`remove pin folder ${path}`, error);
  }
}

function shortHash(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16);
}
