// The hook that sees answers before clients do: whoever allows traffic by name learns the addresses first.

import type { Ip } from '../base/ip.ts';
import type { Question, ResourceRecord } from '../wire/dns/message.ts';

export interface ObservedAnswer {
  readonly client: Ip;
  readonly question: Question;
  readonly rcode: number;
  readonly answers: readonly ResourceRecord[];
}

export interface AnswerObserver {
  /** No answer is meant at all: then nothing is even asked. */
  readonly isIdle: boolean;
  /** Whether answers to this question are to be shown. Called for each, so it must be quick. */
  isMeant(question: Question): boolean;
  /** Called before an answer with records is sent; the answer waits for a returned promise, and is dropped where it rejects. */
  observe(answer: ObservedAnswer): void | Promise<void>;
}
