// Reads a container's CRI log for `kubectl logs`: the last lines, since a time, with times, and on as it grows. Rotated files
// (path.2, path.1) come before the current one.

import { open, stat, type FileHandle } from 'node:fs/promises';
import { watch } from 'node:fs';

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Undefined for all lines. */
  readonly tailLines: number | undefined;
  readonly sinceMs: number | undefined;
  readonly limitBytes: number | undefined;
}

export interface LogEntry {
  readonly time: string;
  readonly isPartial: boolean;
  readonly text: string;
}

const ROTATED = 2;
const CHUNK_BYTES = 64 * 1024;
/** A change that the watch does not report (rotation in between) is found by looking. */
const LOOK_MS = 1000;

/** Undefined for lines that are no CRI log. */
export function parseCriLine(line: string): LogEntry | undefined {
  const match = /^(\S+) (?:stdout|stderr) ([FP])\S* ?(.*)$/s.exec(line);
  if (match === null) return undefined;
  const [, time = '', tag, text = ''] = match;
  return { time, isPartial: tag === 'P', text };
}

/** Text as kubectl prints it. Ends at the log's end, or with `follow` when `isOver` says so after the last line. */
export async function* readLog(
  path: string,
  options: LogOptions,
  until: { readonly signal: AbortSignal; readonly isOver: () => boolean },
): AsyncGenerator<string> {
  const limit = new Limit(options.limitBytes);
  const formatter = new Formatter(options);
  const position = { path, offset: 0 };
  for (const text of tail(await pastLines(path, position), options)) {
    yield* limit.cut(formatter.add(text));
    if (limit.isReached) return;
  }
  if (!options.follow) return;
  for await (const line of newLines(position, until)) {
    yield* limit.cut(formatter.add(line));
    if (limit.isReached) return;
  }
}

/** Everything until now; `position` is moved behind the last whole line of the current file. */
async function pastLines(path: string, position: { offset: number }): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let i = ROTATED; i >= 0; i--) {
    const file = await open(i === 0 ? path : `${path}.${i}`).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const at = { offset: 0 };
      for await (const line of linesFrom(file, at)) lines.push(line);
      if (i === 0) position.offset = at.offset;
    } finally {
      await file.close();
    }
  }
  return lines;
}

function tail(lines: readonly string[], options: LogOptions): readonly string[] {
  const { tailLines, sinceMs } = options;
  const since =
    sinceMs === undefined ? lines : lines.filter((it) => Date.parse(parseCriLine(it)?.time ?? '') >= sinceMs);
  if (tailLines === undefined) return since;
  // Parts of one line count as one.
  let index = since.length;
  for (let count = 0; index > 0; index--) {
    const isWhole = parseCriLine(since[index - 1] ?? '')?.isPartial === false;
    if (isWhole && ++count > tailLines) break;
  }
  return since.slice(index);
}

async function* newLines(
  position: { readonly path: string; offset: number },
  until: { readonly signal: AbortSignal; readonly isOver: () => boolean },
): AsyncGenerator<string> {
  let inode: number | undefined;
  while (!until.signal.aborted) {
    // Asked before reading: what was written before the end is still shown.
    const isOver = until.isOver();
    const file = await open(position.path).catch(() => undefined);
    if (file !== undefined) {
      try {
        const facts = await file.stat();
        if (inode !== undefined && (facts.ino !== inode || facts.size < position.offset)) position.offset = 0;
        inode = facts.ino;
        yield* linesFrom(file, position);
      } finally {
        await file.close();
      }
    }
    if (isOver) return;
    await changed(position.path, until.signal);
  }
}

/** Whole lines from the offset on, which is moved along. */
async function* linesFrom(file: FileHandle, position: { offset: number }): AsyncGenerator<string> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let at = position.offset;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      position.offset += end + 1;
      yield rest.subarray(0, end).toString('utf8');
      rest = rest.subarray(end + 1);
    }
  }
}

async function changed(path: string, signal: AbortSignal): Promise<void> {
  const before = await stat(path).catch(() => undefined);
  await new Promise<void>((resolve) => {
    const abort = new AbortController();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      abort.abort();
      resolve();
    };
    const timer = setTimeout(done, before === undefined ? LOOK_MS / 4 : LOOK_MS);
    signal.addEventListener('abort', done, { once: true });
    if (before === undefined) return;
    watch(path, { signal: abort.signal }, done).on('error', done);
  });
}

class Formatter {
  readonly #options: LogOptions;
  #isInside = false;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  add(line: string): string {
    const entry = parseCriLine(line);
    if (entry === undefined) return '';
    const prefix = this.#options.timestamps && !this.#isInside ? `${entry.time} ` : '';
    this.#isInside = entry.isPartial;
    return `${prefix}${entry.text}${entry.isPartial ? '' : '\n'}`;
  }
}

class Limit {
  #leftBytes: number;

  constructor(bytes: number | undefined) {
    this.#leftBytes = bytes ?? Number.POSITIVE_INFINITY;
  }

  get isReached(): boolean {
    return this.#leftBytes <= 0;
  }

  *cut(text: string): Generator<string> {
    const bytes = Buffer.from(text);
    if (bytes.length === 0) return;
    yield bytes.length <= this.#leftBytes ? text : bytes.subarray(0, this.#leftBytes).toString('utf8');
    this.#leftBytes -= bytes.length;
  }
}
