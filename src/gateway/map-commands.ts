// The commands that bring one map of a running HAProxy from lines to others. Pure.

import { BUFFER_BYTES } from './proxy-place.ts';
import { commandWord } from './proxy-text.ts';

export interface MapChanges {
  readonly set: ReadonlyMap<string, string>;
  readonly gone: readonly string[];
}

export interface MapCommand {
  readonly command: string;
  /** What it changes. */
  readonly keys: readonly string[];
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
  const set = [...wanted].filter(([key, value]) => current.get(key) !== value);
  const gone =
    current.size === wanted.size && set.length === 0
      ? []
      : [...current.keys()].filter((key) => !wanted.has(key));
  return {
    set: new Map(set.sort(([a], [b]) => b.length - a.length)),
    gone: gone.sort((a, b) => a.length - b.length),
  };
}

/** Lines to set, or keys to remove. `current` tells which ones are there: a map takes a key twice if it is added twice. */
export function* mapCommands(
  file: string,
  lines: ReadonlyMap<string, string> | readonly string[],
  current: ReadonlyMap<string, string>,
): Iterable<MapCommand> {
  if (Array.isArray(lines)) {
    yield* joined(lines.map((key: string) => ({ key, text: `del map ${file} ${commandWord(key)}` })));
    return;
  }
  const entries = [...(lines as ReadonlyMap<string, string>)];
  const added = entries
    .filter(([key]) => !current.has(key))
    .map(([key, value]) => ({ key, text: `${key} ${value}` }));
  const changed = entries.filter(([key]) => current.has(key));
  // Both looked at before the first command, after which `current` is another one.
  for (const batch of batches(added))
    yield { command: `add map ${file} <<\n${texts(batch).join('\n')}\n\n`, keys: batch.map((it) => it.key) };
  yield* joined(
    changed.map(([key, value]) => ({ key, text: `set map ${file} ${commandWord(key)} ${value}` })),
  );
}

interface Piece {
  readonly key: string;
  readonly text: string;
}

function* joined(pieces: readonly Piece[]): Iterable<MapCommand> {
  for (const batch of batches(pieces))
    yield { command: `${texts(batch).join(';')}\n`, keys: batch.map((it) => it.key) };
}

function* batches(pieces: readonly Piece[]): Iterable<readonly Piece[]> {
  let batch: Piece[] = [];
  let characters = 0;
  for (const piece of pieces) {
    if (
      batch.length === COMMAND_LINES ||
      (batch.length > 0 && characters + piece.text.length > COMMAND_CHARACTERS)
    ) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(piece);
    characters += piece.text.length + 1;
  }
  if (batch.length > 0) yield batch;
}

function texts(batch: readonly Piece[]): readonly string[] {
  return batch.map((it) => it.text);
}
