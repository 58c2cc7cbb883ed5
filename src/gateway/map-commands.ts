// The commands that bring one map of a running HAProxy from lines to others. Pure.

import { deltasOf } from '../base/deltas.ts';
import { BUFFER_BYTES } from './proxy-place.ts';
import { commandWord } from './proxy-text.ts';

export interface MapChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly gone: readonly string[];
}

/** A command with all behind it has to fit HAProxy's buffer, or nothing of it happens. */
const COMMAND_CHARACTERS = BUFFER_BYTES - 2048;
const COMMAND_LINES = 200;

/**
 * Longer keys come first and go last: of prefixes that come and go one by one no request finds a less specific one in the place of its own.
 */
export function mapChanges(
  current: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): MapChanges {
  const { add, change, remove } = deltasOf(wanted, current, Object.is);
  const set = [...add, ...[...change].map(([key, { to }]) => [key, to] as const)];
  return {
    set: new Map(set.sort(([a], [b]) => b.length - a.length)),
    gone: [...remove.keys()].sort((a, b) => a.length - b.length),
  };
}

/** Lines to set, or keys to remove. `current` tells which ones are there: a map takes a key twice if it is added twice. */
export function* mapCommands(
  file: string,
  lines: ReadonlyMap<string, string> | readonly string[],
  current: ReadonlyMap<string, string>,
): Iterable<string> {
  if (Array.isArray(lines)) {
    yield* joined(lines.map((key: string) => `del map ${file} ${commandWord(key)}`));
    return;
  }
  const entries = [...(lines as ReadonlyMap<string, string>)];
  const added = entries.filter(([key]) => !current.has(key)).map(([key, value]) => `${key} ${value}`);
  const changed = entries.filter(([key]) => current.has(key));
  for (const batch of batches(added)) yield `add map ${file} <<\n${batch.join('\n')}\n\n`;
  yield* joined(changed.map(([key, value]) => `set map ${file} ${commandWord(key)} ${value}`));
}

function* joined(commands: readonly string[]): Iterable<string> {
  for (const batch of batches(commands)) yield `${batch.join(';')}\n`;
}

function* batches(texts: readonly string[]): Iterable<readonly string[]> {
  let batch: string[] = [];
  let characters = 0;
  for (const text of texts) {
    if (
      batch.length === COMMAND_LINES ||
      (batch.length > 0 && characters + text.length > COMMAND_CHARACTERS)
    ) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(text);
    characters += text.length + 1;
  }
  if (batch.length > 0) yield batch;
}
