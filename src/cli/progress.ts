// Progress on standard error: one living line on a terminal, one line per change elsewhere. Standard output stays for results.

import type { WriteStream } from 'node:tty';

/** Says what is being done and what it waits for. */
export interface Progress {
  /** Begins the next step; the one before it counts as done. */
  step(name: string): void;
  /** What the current step waits for now. */
  detail(text: string): void;
  /** Ends the last step. */
  done(): void;
  /** Ends the last step as failed, so that the error below it has a place. */
  fail(): void;
}

const DETAIL_INTERVAL_MS = 2_000;
/** Of terminals that do not say how wide they are. */
const DEFAULT_COLUMNS = 80;
/** The same words again only so often, to show that it lives. */
const REPEAT_INTERVAL_MS = 15_000;

/** Exported for tests. */
export function makeProgress(stream: WriteStream, nowMs: () => number): Progress {
  return stream.isTTY ? livingProgress(stream, nowMs) : plainProgress(stream, nowMs);
}

/** Progress on standard error, or none where it is not wanted. */
export function progressFor(flags: { readonly quiet?: boolean }): Progress {
  return flags.quiet === true ? silentProgress : makeProgress(process.stderr, () => performance.now());
}

/** Says nothing: for `--quiet`. */
const silentProgress: Progress = { step: () => {}, detail: () => {}, done: () => {}, fail: () => {} };

function livingProgress(stream: WriteStream, nowMs: () => number): Progress {
  const color =
    (process.env['NO_COLOR'] ?? '') === ''
      ? { ok: '\x1b[32m', bad: '\x1b[31m', dim: '\x1b[2m', end: '\x1b[0m' }
      : { ok: '', bad: '', dim: '', end: '' };
  let current: { readonly name: string; readonly startedMs: number } | undefined;
  const end = (mark: string): void => {
    if (current === undefined) return;
    const seconds = ((nowMs() - current.startedMs) / 1000).toFixed(1);
    stream.write(`\r\x1b[K ${mark} ${current.name} ${color.dim}${seconds} s${color.end}\n`);
    current = undefined;
  };
  return {
    step(name) {
      end(`${color.ok}✓${color.end}`);
      current = { name, startedMs: nowMs() };
      stream.write(` • ${name}`);
    },
    detail(text) {
      if (current === undefined) return;
      const line = ` • ${current.name} ${color.dim}${text}`;
      stream.write(
        `\r\x1b[K${line.slice(0, Math.max(20, (stream.columns || DEFAULT_COLUMNS) - 1))}${color.end}`,
      );
    },
    done: () => end(`${color.ok}✓${color.end}`),
    fail: () => end(`${color.bad}✗${color.end}`),
  };
}

function plainProgress(stream: WriteStream, nowMs: () => number): Progress {
  let current = '';
  let startedMs = 0;
  let saidMs = 0;
  let said = '';
  const end = (word: string): void => {
    if (current !== '')
      stream.write(`${current}: ${word} (${((nowMs() - startedMs) / 1000).toFixed(1)} s)\n`);
    current = '';
  };
  return {
    step(name) {
      end('done');
      current = name;
      startedMs = nowMs();
      saidMs = startedMs;
    },
    detail(text) {
      if (nowMs() - saidMs < (text === said ? REPEAT_INTERVAL_MS : DETAIL_INTERVAL_MS)) return;
      saidMs = nowMs();
      said = text;
      stream.write(`${current}: ${text}\n`);
    },
    done: () => end('done'),
    fail: () => end('failed'),
  };
}
