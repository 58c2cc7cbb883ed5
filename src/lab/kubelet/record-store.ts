// Pod records on disk, one file per pod: written whole and atomically, read at the start of a kubelet process.

import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../base/errors.ts';
import type { NodeFolders } from './pod-folders.ts';
import type { PodRecord } from './pod-record.ts';

export async function saveRecord(folders: NodeFolders, record: PodRecord): Promise<void> {
  const file = folders.pod(record).record;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify(record));
  await rename(`${file}.new`, file);
}

/** All records of a node; `onProblem` is told of a file that cannot be read, whose pod is then started anew. */
export async function loadRecords(
  folders: NodeFolders,
  onProblem: (message: string) => void,
): Promise<readonly PodRecord[]> {
  const uids = await readdir(folders.pods).catch(() => []);
  const records: PodRecord[] = [];
  for (const uid of uids) {
    const file = `${folders.pods}/${uid}/pod.json`;
    try {
      const record: unknown = JSON.parse(await readFile(file, 'utf8'));
      // Written by saveRecord alone, in a folder that only root reaches; the uid shows that it is whole.
      if ((record as PodRecord).uid === uid) records.push(record as PodRecord);
    } catch (error) {
      onProblem(`Cannot read ${file}: ${messageOf(error)}`);
    }
  }
  return records;
}
