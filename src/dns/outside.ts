// The seam between answering and asking others: names outside of the cluster. The responder knows no upstream, the forwarder no zone.

import type { PreparedAnswer } from './prepared-answer.ts';

/** A question for somebody else's zone. */
export interface OutsideQuestion {
  /** As `Query.key`. */
  readonly key: string;
  /** Labels in lower case, first label first. */
  readonly labels: readonly string[];
  readonly typeCode: number;
  /** DNSSEC records are wanted (the DO bit of EDNS). */
  readonly isDnssecOk: boolean;
  readonly isCheckingDisabled: boolean;
  /** Address of who asks, so that no single client takes every slot. */
  readonly client: string;
}

export interface OutsideAnswer {
  readonly prepared: PreparedAnswer;
  /** Seconds since it came from upstream. */
  readonly ageS: number;
}

/** Never rejects: what cannot be resolved is an answer of SERVFAIL. Answers at once (no promise) from memory. */
export interface OutsideResolver {
  resolve(question: OutsideQuestion): OutsideAnswer | Promise<OutsideAnswer>;
}
