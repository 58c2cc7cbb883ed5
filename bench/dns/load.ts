// The generator of DNS questions (`bench/dns-load.c`), compiled and run in a namespace.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Lifetime } from '../../src/base/lifetime.ts';

const SOURCE = new URL('../dns-load.c', import.meta.url).pathname;

export interface DnsLoad {
  /** This process' own where it is left out. */
  readonly netns?: string;
  readonly ip: string;
  readonly port?: number;
  readonly seconds: number;
  readonly threads?: number;
  /** Questions under way at a time, of all threads. */
  readonly open?: number;
  /** Questions a second; as many as there are answers where it is left out. */
  readonly rate?: number;
  /** Of `writeQuestions`. */
  readonly questions: string;
}

export interface DnsLoadResult {
  readonly answersPerS: number;
  readonly lost: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of an answer. */
  readonly meanBytes: number;
  readonly rcodes: Readonly<Record<string, number>>;
}

export class DnsLoadProgram {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static compile(lifetime: Lifetime): DnsLoadProgram {
    const folder = mkdtempSync('/tmp/t-bench-dns-');
    lifetime.defer('load program', () => rmSync(folder, { recursive: true }));
    execFileSync('gcc', ['-O2', '-o', `${folder}/load`, SOURCE, '-lpthread']);
    return new DnsLoadProgram(`${folder}/load`);
  }

  async run(load: DnsLoad): Promise<DnsLoadResult> {
    const { netns, ip, port = 53, seconds, threads = 1, open = 256, rate = 0, questions } = load;
    const words = [ip, port, seconds, threads, open, rate, questions].map(String);
    const enter = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const [program = '', ...args] = [...enter, this.#file, ...words];
    const { stdout } = await promisify(execFile)(program, args);
    return JSON.parse(stdout) as DnsLoadResult;
  }
}
