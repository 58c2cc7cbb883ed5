// The last words of a process container: a small file that it may write (terminationMessagePath), shown with its end.

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Container } from '../../objects/api-types.ts';
import type { LaunchBind } from './launch-spec.ts';
import type { ContainerFolders } from './pod-folders.ts';

/** What Kubernetes keeps of it. */
const MAX_BYTES = 4096;

function fileOf(folders: ContainerFolders): string {
  return `${folders.run}/termination-log`;
}

/** Makes the file empty for a new start. */
export async function terminationBind(container: Container, folders: ContainerFolders): Promise<LaunchBind> {
  await mkdir(folders.run, { recursive: true });
  writeFileSync(fileOf(folders), '', { mode: 0o666 });
  const path = container.terminationMessagePath ?? '';
  const target = path === '' ? '/dev/termination-log' : path;
  return { source: fileOf(folders), target, isReadOnly: false };
}

/** Undefined where the container wrote nothing. Synchronous: it is read at the very moment of the end, and is small. */
export function lastWords(folders: ContainerFolders): string | undefined {
  try {
    const fd = openSync(fileOf(folders), 'r');
    try {
      const buffer = Buffer.alloc(MAX_BYTES);
      const text = buffer.subarray(0, readSync(fd, buffer, 0, MAX_BYTES, 0)).toString('utf8');
      return text === '' ? undefined : text;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // A stand-in has none.
  }
}
