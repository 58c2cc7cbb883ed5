// Questions and what came of them, a line each in the process's log: those of the zones and classes that the configuration names, and not more than a disk can take.

import type { Logger } from 'pino';
import { isWithin, nameFromLabels } from '../wire/dns/name.ts';
import { LOG_LINES_PER_SECOND, type QueryLogRule, type QueryLogZone } from './query-log-config.ts';
import { classOf, lineText, readLogged, type LoggedQuestion } from './query-log-line.ts';
import { parseQuery, questionLabels, type Query } from './query.ts';
import type { DnsClient, Responder } from './responder.ts';

export interface QueryLogParts {
  readonly zones: readonly QueryLogZone[];
  readonly log: Pick<Logger, 'info'>;
  readonly monotonicMs: () => number;
}

export class QueryLog {
  readonly #parts: QueryLogParts;
  #second = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(parts: QueryLogParts) {
    this.#parts = parts;
  }

  /** As `Responder.respond`, with a line of it. */
  respond(
    responder: Pick<Responder, 'respond'>,
    bytes: Buffer,
    client: DnsClient,
  ): ReturnType<Responder['respond']> {
    const startedMs = this.#parts.monotonicMs();
    const parsed = parseQuery(bytes);
    const rule = parsed.kind === 'query' ? this.#ruleOf(parsed.query) : undefined;
    if (parsed.kind !== 'query' || rule === undefined) return responder.respond(bytes, client);
    const { key, flags, typeCode, classCode, edns } = parsed.query;
    const query = { key, flags, typeCode, classCode, edns };
    const question = { query, id: bytes.readUInt16BE(0), bytes: bytes.length, client };
    const told = (out: Buffer | undefined): Buffer | undefined => {
      if (out !== undefined) this.#tell(rule, question, { out, startedMs });
      return out;
    };
    const answer = responder.respond(bytes, client);
    return answer instanceof Promise ? answer.then(told) : told(answer);
  }

  #ruleOf(query: Query): QueryLogRule | undefined {
    const name = nameFromLabels(questionLabels(query));
    const zone = this.#parts.zones.find((it) => isWithin(name, it.zone));
    return zone?.rules.find(({ names }) => names.some((it) => isWithin(name, it)));
  }

  #tell(
    { classes, format }: QueryLogRule,
    question: LoggedQuestion,
    { out, startedMs }: { readonly out: Buffer; readonly startedMs: number },
  ): void {
    const nowMs = this.#parts.monotonicMs();
    const answer = readLogged(out, nowMs - startedMs);
    if (!classes.has(classOf(answer)) || !this.#hasRoom(nowMs)) return;
    this.#parts.log.info(lineText(format, { ...question, answer }));
  }

  #hasRoom(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      if (this.#leftOut > 0)
        this.#parts.log.info({ leftOut: this.#leftOut }, 'questions were left out of the log');
      [this.#second, this.#lines, this.#leftOut] = [second, 0, 0];
    }
    if (this.#lines < LOG_LINES_PER_SECOND) return ++this.#lines > 0;
    this.#leftOut++;
    return false;
  }
}
