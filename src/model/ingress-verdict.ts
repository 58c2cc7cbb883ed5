// What is to be said of the Ingresses that one proxy serves. Readonly data, no behaviour.

export interface IngressVerdict {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** What of it is not done as it is written. */
  readonly problems: readonly IngressProblem[];
}

export interface IngressProblem {
  /** A word for Events: "BackendNotFound". */
  readonly reason: string;
  readonly message: string;
}
