// What was learned, on disk: a line for each address, written before anybody hears of it, so that neither the end of the agent opens anything nor its start
// closes it. A crash of the machine may take the last lines: it ends the connections and the pods, too.

import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { tryParseIp, type Ip } from '../base/ip.ts';

/** A pair of a name and an address; times are those of the wall clock. */
export interface LoggedAddress {
  readonly name: string;
  readonly ip: Ip;
  /** Zero where it counts no more. */
  readonly untilMs: number;
}

/** Lines more than there are pairs, before the file is written anew. */
const MOST_OLD_LINES = 8_192;

export class LearnedLog {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #file: number | undefined;
  #lines = 0;

  /** Nothing is written before `rewrite`. */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** What counted at the end of the agent before, in the order in which it was learned; a line that cannot be read is passed over, as a crash may leave the last one. */
  read(): readonly LoggedAddress[] {
    const known = new Map<string, LoggedAddress>();
    for (const line of linesOf(this.#path)) {
      const logged = parseLine(line);
      if (logged === undefined) continue;
      const key = `${logged.name} ${logged.ip}`;
      known.delete(key);
      if (logged.untilMs > 0) known.set(key, logged);
    }
    return [...known.values()];
  }

  /** True where so much is out of date that `rewrite` is due. */
  isLong(count: number): boolean {
    return this.#lines > count + MOST_OLD_LINES;
  }

  /** A new file in the place of the old one. */
  rewrite(all: readonly LoggedAddress[]): void {
    this.#guarded(() => {
      writeFileSync(`${this.#path}.new`, all.map(lineOf).join(''), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
      this.close();
      this.#file = openSync(this.#path, 'a', 0o600);
      this.#lines = all.length;
    });
  }

  append(all: readonly LoggedAddress[]): void {
    const file = this.#file;
    if (file === undefined || all.length === 0) return;
    this.#guarded(() => {
      writeSync(file, all.map(lineOf).join(''));
      this.#lines += all.length;
    });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** A full disk must not close what pods may reach. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }
}

function lineOf({ name, ip, untilMs }: LoggedAddress): string {
  return `${JSON.stringify([name, ip, Math.round(untilMs)])}\n`;
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function parseLine(line: string): LoggedAddress | undefined {
  try {
    const [name, address, untilMs] = JSON.parse(line) as readonly unknown[];
    const ip = typeof address === 'string' ? tryParseIp(address) : undefined;
    if (typeof name !== 'string' || ip === undefined || typeof untilMs !== 'number') return undefined;
    return { name, ip, untilMs };
  } catch {
    return undefined;
  }
}
