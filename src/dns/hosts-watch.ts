// The newest tables of hosts lines: those of the configuration, behind those of files that may change while we run.

import { readFile, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { parseHosts, type HostsTable } from './hosts-file.ts';
import type { HostsSettings } from './override-config.ts';

export interface HostsWatchParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** As CoreDNS looks at its file. */
const REREAD_MS = 5000;
const MAX_FILE_BYTES = 32 << 20;

/** What to look names up in; follows the files until the signal. */
export function watchHosts(
  all: readonly HostsSettings[],
  parts: HostsWatchParts,
): (hosts: HostsSettings) => HostsTable {
  const tables = new Map(all.map((hosts) => [hosts, parseHosts(hosts.inline)]));
  for (const hosts of all) {
    const { file } = hosts;
    const onText = (text: string): void => void tables.set(hosts, parseHosts(hosts.inline, text));
    // The end of the process is the only way out of the loop.
    if (file !== undefined) void rereadForever(file, onText, parts).catch(() => undefined);
  }
  return (hosts) => tables.get(hosts) ?? parseHosts(hosts.inline);
}

/** A file that is gone leaves what it said last: names must not vanish while an editor replaces it. */
async function rereadForever(
  file: string,
  onText: (text: string) => void,
  { clock, signal, log }: HostsWatchParts,
): Promise<void> {
  let known = '';
  for (;;) {
    const state = await stateOf(file);
    if (state.text !== known && state.bytes <= MAX_FILE_BYTES) {
      onText(await readFile(file, 'utf8').catch(() => ''));
      log.info({ file }, 'hosts file read');
    } else if (state.text !== known) log.warn({ file, because: state.text }, 'cannot read hosts file');
    known = state.text;
    await clock.sleep(REREAD_MS, signal);
  }
}

interface FileState {
  /** Another text where the file may be another one. */
  readonly text: string;
  readonly bytes: number;
}

async function stateOf(file: string): Promise<FileState> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return { text: `${mtimeMs} ${size} ${ino}`, bytes: size };
  } catch (error) {
    return { text: messageOf(error), bytes: Infinity };
  }
}
