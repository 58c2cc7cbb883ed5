// What answers now: the configuration, or the configuration with the cluster's Corefile in it, exchanged as a whole while questions come.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { makeAnswering, type Answering, type AnsweringParts } from './answering.ts';
import type { DnsConfig } from './config.ts';
import { applyCorefile } from './corefile/apply-corefile.ts';
import { QueryLog } from './query-log.ts';
import type { DnsClient } from './responder.ts';

export interface LiveAnsweringParts extends AnsweringParts {
  readonly config: DnsConfig;
  /** Where the Corefile is kept that was taken last, for the next start. */
  readonly corefile: string;
}

export class LiveAnswering {
  readonly #parts: LiveAnsweringParts;
  #text: string | undefined;
  #watching = new AbortController();
  #answering: Answering;
  /** Undefined where no question is written down, which costs nothing then. */
  #queryLog: QueryLog | undefined;
  #isReachable = false;

  constructor(parts: LiveAnsweringParts) {
    this.#parts = parts;
    this.#answering = this.#make(parts.config);
    this.#queryLog = this.#makeLog(parts.config);
    const kept = readKept(parts.corefile);
    if (kept !== undefined) this.configure(kept);
  }

  get answering(): Answering {
    return this.#answering;
  }

  /** As `Responder.respond`, of the responder of the moment. */
  respond(bytes: Buffer, client: DnsClient): Buffer | undefined | Promise<Buffer | undefined> {
    const { responder } = this.#answering;
    if (this.#queryLog === undefined) return responder.respond(bytes, client);
    return this.#queryLog.respond(responder, bytes, client);
  }

  /** As `Responder.respondAtOnce`; what is logged goes the long way. */
  respondAtOnce(bytes: Buffer, address: string, room: Buffer): number {
    if (this.#queryLog !== undefined) return 0;
    return this.#answering.responder.respondAtOnce(bytes, address, room);
  }

  /** To be called when questions can come: loops are looked for from now on. */
  reachable(): void {
    this.#isReachable = true;
    this.#answering.forwarding.watchLoops();
  }

  /** Takes the Corefile, undefined for none; returns why not, and then the former one stays in force. */
  configure(text: string | undefined): string | undefined {
    if (text === this.#text) return undefined;
    const { config, log } = this.#parts;
    const applied =
      text === undefined ? { kind: 'taken' as const, config, remarks: [] } : applyCorefile(config, text);
    if (applied.kind === 'refused') {
      log.error({ because: applied.because }, 'Corefile refused: the former one stays in force');
      return applied.because;
    }
    this.#text = text;
    this.#exchange(applied.config);
    this.#keep();
    log.info({ hasCorefile: text !== undefined, remarks: applied.remarks }, 'Corefile taken');
    return undefined;
  }

  #exchange(config: DnsConfig): void {
    const former = this.#watching;
    this.#watching = new AbortController();
    this.#answering = this.#make(config);
    this.#queryLog = this.#makeLog(config);
    if (this.#isReachable) this.#answering.forwarding.watchLoops();
    // Questions on their way end as they would have; nothing is watched for them any more.
    former.abort();
  }

  #make(config: DnsConfig): Answering {
    const watching = AbortSignal.any([this.#parts.signal, this.#watching.signal]);
    return makeAnswering(config, this.#parts, watching);
  }

  #makeLog({ queryLog: zones }: DnsConfig): QueryLog | undefined {
    const { log, clock } = this.#parts;
    if (!zones.some(({ rules }) => rules.length > 0)) return undefined;
    return new QueryLog({ zones, log, monotonicMs: () => clock.monotonicMs() });
  }

  /** A new file in the place of the old one. */
  #keep(): void {
    const { corefile, log } = this.#parts;
    try {
      if (this.#text === undefined) rmSync(corefile, { force: true });
      else {
        writeFileSync(`${corefile}.new`, this.#text, { mode: 0o600 });
        renameSync(`${corefile}.new`, corefile);
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'cannot keep the Corefile');
    }
  }
}

/** Undefined where there is none: the agent says it again. */
function readKept(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
