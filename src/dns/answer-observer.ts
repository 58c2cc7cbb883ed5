// The hook that sees answers before clients do: whoever allows traffic by name learns the addresses first.

import type { Ip } from '../base/ip.ts';
import type { Question, ResourceRecord } from '../wire/dns/message.ts';

export interface ObservedAnswer {
  readonly client: Ip;
  readonly question: Question;
  readonly rcode: number;
  readonly answers: readonly ResourceRecord[];
}

/** Called before each answer is sent; the answer waits for a returned promise, and is dropped where it rejects. */
export type AnswerObserver = (answer: ObservedAnswer) => void | Promise<void>;
