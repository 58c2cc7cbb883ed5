// The names that were watched last, on disk: a DNS process that starts anew holds their answers before the agent has spoken.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { messageOf } from '../base/errors.ts';
import { parseWatched, type Watched } from './learn-protocol.ts';

type Log = Pick<Logger, 'debug' | 'warn'>;

/** None where the file cannot be read: the agent will say them again. */
export function readWatched(path: string, log: Log): Watched {
  try {
    return parseWatched(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    log.debug({ error: messageOf(error) }, 'no watched names on disk');
    return { patterns: [], graceMs: 0 };
  }
}

/** A new file in the place of the old one; patterns change as seldom as policies do. */
export function writeWatched(path: string, { patterns, graceMs }: Watched, log: Log): void {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify({ graceMs, patterns })}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'cannot keep the watched names');
  }
}
