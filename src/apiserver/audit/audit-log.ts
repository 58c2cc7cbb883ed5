// The audit log's file: events as lines of JSON, written behind the requests in batches, rotated by size, never more than so many files.

import { appendFile, rename, rm, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../../base/errors.ts';
import { auditEvent, type AuditFacts } from './audit-event.ts';

export interface AuditConfig {
  readonly file: string;
  /** A file that has reached it is put aside as FILE.1, that one as FILE.2. */
  readonly maxBytes: number;
  /** How many there are, the one that is written to included. */
  readonly maxFiles: number;
}

/** How long an event may wait for others. */
const BATCH_MS = 200;
/** What waits for a disk that is slow; behind it events are counted, not kept. */
const MAX_WAITING = 10_000;

export class AuditLog {
  readonly #config: AuditConfig;
  readonly #log: Logger;
  #waiting: AuditFacts[] = [];
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The batches before; each begins after the one before it has ended. */
  #writing: Promise<void> = Promise.resolve();
  #bytes: number | undefined;

  constructor(config: AuditConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** Costs the request a place in a list. */
  record(facts: AuditFacts): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(facts);
    this.#timer ??= setTimeout(() => this.#startBatch(), BATCH_MS);
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#startBatch();
    await this.#writing;
  }

  #startBatch(): void {
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeBatch());
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    const { file } = this.#config;
    try {
      await this.#append(batch.map((facts) => `${JSON.stringify(auditEvent(facts))}\n`));
    } catch (error) {
      this.#lost += batch.length;
      this.#bytes = undefined;
      this.#log.error({ error: messageOf(error), file }, 'cannot write the audit log');
    }
    if (this.#lost > 0) this.#log.error({ file, lost: this.#lost }, 'events are missing from the audit log');
    this.#lost = 0;
  }

  /** A batch may be larger than a file: each gets the lines that it has room for. */
  async #append(lines: readonly string[]): Promise<void> {
    const { file, maxBytes } = this.#config;
    let bytes = this.#bytes ?? (await sizeOf(file));
    let part: string[] = [];
    const write = async (): Promise<void> => {
      if (part.length > 0) await appendFile(file, part.join(''), { mode: 0o600 });
      part = [];
    };
    for (const line of lines) {
      const length = Buffer.byteLength(line);
      if (bytes > 0 && bytes + length > maxBytes) {
        await write();
        await this.#rotate();
        bytes = 0;
      }
      part.push(line);
      bytes += length;
    }
    await write();
    this.#bytes = bytes;
  }

  async #rotate(): Promise<void> {
    const { file, maxFiles } = this.#config;
    const names = Array.from({ length: maxFiles }, (_, i) => (i === 0 ? file : `${file}.${i}`));
    await rm(names.at(-1) ?? file, { force: true });
    for (let i = names.length - 2; i >= 0; i--) await renameIfThere(names[i] ?? '', names[i + 1] ?? '');
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    // None yet, or none that can be read: the write itself will say so.
    return 0;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
