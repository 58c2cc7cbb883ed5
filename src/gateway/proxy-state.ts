// What the driver keeps on disk beside HAProxy's own files: which slot stands for which backend, and how each server speaks. A driver that starts anew goes on
// where the last one was.

import { readFile } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import type { BackendSlot } from './backend-slots.ts';
import type { ServerSlot } from './server-slots.ts';

export interface ProxyState {
  readonly slots: readonly BackendSlot[];
  /** By the name of the slot. */
  readonly servers: ReadonlyMap<string, readonly ServerSlot[]>;
  /** That the configuration opens. */
  readonly ports: readonly number[];
}

export const NO_STATE: ProxyState = { slots: [], servers: new Map(), ports: [] };

export function stateText({ slots, servers, ports }: ProxyState): string {
  return `${JSON.stringify({ slots, servers: [...servers], ports })}\n`;
}

/** Nothing where there is no such file or it is none of ours: then all is assigned anew, which costs a reload. */
export async function readState(file: string, onProblem: (message: string) => void): Promise<ProxyState> {
  try {
    const document: unknown = JSON.parse(await readFile(file, 'utf8'));
    // Written whole by `stateText` alone, in a folder that only the driver writes.
    const { slots, servers, ports } = document as WrittenState;
    return { slots: [...slots], servers: new Map(servers), ports: [...ports] };
  } catch (error) {
    onProblem(`Cannot read ${file}: ${messageOf(error)}`);
    return NO_STATE;
  }
}

interface WrittenState {
  readonly slots: readonly BackendSlot[];
  readonly servers: readonly [string, readonly ServerSlot[]][];
  readonly ports: readonly number[];
}
