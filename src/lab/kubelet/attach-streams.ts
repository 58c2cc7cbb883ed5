// attach: the streams of a container's own program from now on. A process has them itself; of a stand-in there is what it logs.

import type { ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { FairleadError } from '../../base/errors.ts';
import type { Container } from '../../objects/api-types.ts';
import { readLog } from './log-reader.ts';
import type { PodWorker } from './pod-worker.ts';
import type { PodWorld } from './pod-world.ts';
import { HOST_PROGRAMS_ANNOTATION } from './program-of.ts';

export interface AttachTarget {
  readonly worker: PodWorker;
  readonly container: Container;
}

/** Throws `unavailable` for a container that does not run, `invalid` where input is to go to one that takes none. */
export function attachStreams(
  world: PodWorld,
  { worker, container }: AttachTarget,
  options: { readonly hasStdin: boolean; readonly signal: AbortSignal },
): ChildProcess | Readable {
  const { name } = container;
  const record = worker.record.containers[name];
  const subject = `container "${name}" in pod "${worker.record.name}"`;
  if (record?.state.kind !== 'running') throw new FairleadError('unavailable', `${subject} is not running`);
  if (record.runner === 'process') {
    if (options.hasStdin && container.stdin !== true)
      throw noInput(`${subject} has no standard input: it was made without stdin: true`);
    return world.execSandboxes.attach(worker.record, name, options.hasStdin);
  }
  if (options.hasStdin) {
    const remedy = `run its command as a process by the annotation ${HOST_PROGRAMS_ANNOTATION}, or attach without standard input`;
    throw noInput(`${subject} is a stand-in, which has no process to read standard input: ${remedy}`);
  }
  const { log } = world.node(worker.record.node).folders.container(worker.record, name, record.attempt);
  const isOver = (): boolean => {
    const now = worker.record.containers[name];
    return now?.attempt !== record.attempt || now.state.kind !== 'running';
  };
  return Readable.from(readLog(log, FROM_NOW_ON, { signal: options.signal, isOver }));
}

const FROM_NOW_ON = {
  follow: true,
  tailLines: 0,
  timestamps: false,
  sinceMs: undefined,
  limitBytes: undefined,
} as const;

function noInput(message: string): FairleadError {
  return new FairleadError('invalid', message);
}
