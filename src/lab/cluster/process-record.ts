// The record of a started process on disk: its pid and its start time, since pids are used again.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { isAlive, processStartTime } from '../../sys/process.ts';

/** A started process; `startTime` is that of `processStartTime`. */
export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  readonly startTime: number;
}

/** Folder of the records of one cluster. */
export function recordFolder(roots: PathRoots, cluster: string): string {
  return `${clusterPaths(roots, cluster).run}/pids`;
}

/** Writes atomically: a reader sees the old record or the new one. */
export function writeRecord(folder: string, record: ProcessRecord): void {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${record.name}.json`;
  writeFileSync(`${file}.new`, JSON.stringify(record));
  renameSync(`${file}.new`, file);
}

export function removeRecord(folder: string, name: string): void {
  rmSync(`${folder}/${name}.json`, { force: true });
}

/** Records of processes that are alive now; the others are passed over. */
export function liveRecords(folder: string): readonly ProcessRecord[] {
  return readRecords(folder).filter(isRecordAlive);
}

function readRecords(folder: string): readonly ProcessRecord[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => readRecord(`${folder}/${file}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Our own file, written atomically; one that went meanwhile, or that somebody damaged, records nothing. */
function readRecord(file: string): readonly ProcessRecord[] {
  try {
    return [JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord];
  } catch {
    return [];
  }
}

/** True while the very process of the record runs. */
export function isRecordAlive(record: ProcessRecord): boolean {
  return isAlive(record.pid, record.startTime);
}

/** The record of a process that was started just now; it may have ended already, then no process will match it. */
export function recordOf(name: string, pid: number): ProcessRecord {
  return { name, pid, startTime: processStartTime(pid) ?? -1 };
}
