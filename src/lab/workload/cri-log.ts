// A container's log in the form of container runtimes: "<RFC 3339 time> <stream> <F|P> <text>". Writes and rotates; reading is
// the kubelet part's. No descriptor stays open: hundreds of quiet containers cost nothing.

import { appendFile, rename, stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';

export type LogStream = 'stdout' | 'stderr';

/** Longest text of one line; longer ones are cut into partial ("P") lines. */
const MAX_TEXT = 16_384;
/** What may wait for the disk; beyond it lines are dropped, because a log must not eat the process's memory. */
const MAX_WAITING_BYTES = 256 * 1024;

export interface CriLogOptions {
  readonly clock: Clock;
  readonly maxBytes?: number;
  /** Rotated files kept: path.1 is the newest. */
  readonly keep?: number;
}

export class CriLog {
  readonly #path: string;
  readonly #options: CriLogOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #size: number | undefined;
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(path: string, options: CriLogOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Lines that were lost: the disk was too slow or refused. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds text of one or more lines, without waiting. */
  write(text: string, stream: LogStream = 'stdout'): void {
    for (const line of text.split('\n')) this.#add(formatCriLine(line, stream, this.#options.clock.nowMs()));
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything written so far is on disk. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  #add(lines: string): void {
    if (this.#waitingBytes + lines.length > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(lines);
    this.#waitingBytes += lines.length;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#waiting.join('');
      const count = this.#waiting.length;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#append(text);
      } catch {
        // A full or vanished disk must not stop the server that logs; the count says what was lost.
        this.#dropped += count;
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    const { maxBytes = 10 * 1024 * 1024, keep = 2 } = this.#options;
    this.#size ??= await sizeOf(this.#path);
    await appendFile(this.#path, text, { mode: 0o640 });
    this.#size += Buffer.byteLength(text);
    if (this.#size < maxBytes) return;
    for (let i = keep; i > 0; i--) {
      await rename(i === 1 ? this.#path : `${this.#path}.${i - 1}`, `${this.#path}.${i}`).catch(
        () => undefined,
      );
    }
    this.#size = 0;
  }
}

/** One line of text as the line or lines of a CRI log, ended by a line feed. */
export function formatCriLine(text: string, stream: LogStream, nowMs: number): string {
  // Three digits of the nine are known; runtimes write nine.
  const time = new Date(nowMs).toISOString().replace('Z', '000000Z');
  let out = '';
  let rest = text;
  while (rest.length > MAX_TEXT) {
    out += `${time} ${stream} P ${rest.slice(0, MAX_TEXT)}\n`;
    rest = rest.slice(MAX_TEXT);
  }
  return `${out}${time} ${stream} F ${rest}\n`;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0; // Not there yet.
  }
}
