// DEL requests that the executable stored while the agent was away (native/cni/del-queue.c): read, done, removed.

import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { FairleadError, isNotFound, messageOf } from '../base/errors.ts';
import { wrapNodeError } from '../sys/errno.ts';
import { readRequestFrame, REQUEST_BYTES_MAX, type RawCniRequest } from './frames.ts';

export function delQueueFolder(socketPath: string): string {
  return `${socketPath}.queue`;
}

/** Names of the stored requests; those that start with a dot are still being written. Cheap enough to ask before every ADD. */
export function queuedDels(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch (error) {
    const wrapped = wrapNodeError(`list queued deletions in ${folder}`, error);
    if (isNotFound(wrapped)) return [];
    throw wrapped;
  }
}

export interface DrainResult {
  readonly done: number;
  readonly failures: readonly string[];
}

/**
 * Does every stored request and removes its file afterwards, so that a crash between both repeats a DEL instead of losing it.
 * One that fails stays for the next time; a file that is no request is removed and reported.
 */
export async function drainDelQueue(
  folder: string,
  perform: (request: RawCniRequest) => Promise<void>,
): Promise<DrainResult> {
  const failures: string[] = [];
  let done = 0;
  for (const name of queuedDels(folder)) {
    const file = `${folder}/${name}`;
    try {
      const request = readQueued(file);
      if (request === undefined) failures.push(`${file} is no request and was removed`);
      else await perform(request);
      unlinkSync(file);
      done += 1;
    } catch (error) {
      failures.push(`${file}: ${messageOf(error)}`);
    }
  }
  return { done, failures };
}

function readQueued(file: string): RawCniRequest | undefined {
  try {
    if (statSync(file).size > REQUEST_BYTES_MAX + 64) return undefined;
    const progress = readRequestFrame(readFileSync(file));
    return progress.kind === 'complete' && progress.request.command === 'DEL' ? progress.request : undefined;
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}
