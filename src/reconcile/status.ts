// What the engine says of its targets: the receipts that status, metrics and tests read. Data alone.

/** One key that is not as desired, or, with an empty key, the whole target that could not be read. */
export interface KeyFailure {
  readonly key: string;
  readonly error: string;
  readonly code: string | undefined;
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly nextTryMs: number;
}

export type KeyState = 'pending' | 'done' | 'error';

/** A target's receipt. `isConverged`: what was last seen equals what is wanted at `revision`. */
export interface TargetStatus {
  readonly name: string;
  /** Undefined while the inputs are not known: the target is left alone until then. */
  readonly desiredCount: number | undefined;
  /** Undefined until it was observed for the first time. */
  readonly observedCount: number | undefined;
  readonly pendingCount: number;
  readonly failures: readonly KeyFailure[];
  readonly revision: number;
  readonly isConverged: boolean;
  readonly convergedRevision: number | undefined;
  readonly convergedAtMs: number | undefined;
}

/** What a target holds under some keys, as its kernel shows it now. */
export interface KeyView {
  readonly key: string;
  readonly state: KeyState;
  /** In the words of a plan; empty where nothing is there. */
  readonly lines: readonly string[];
  /** When it was last written, and for which revision; undefined where it was found as it should be. */
  readonly written: { readonly atMs: number; readonly revision: number } | undefined;
  /** Why it is not as desired, where that is an error. */
  readonly failure: KeyFailure | undefined;
}

export interface EngineStatus {
  /** The newest submitted revision. */
  readonly revision: number;
  readonly isConverged: boolean;
  readonly targets: readonly TargetStatus[];
}

/** What happens while the engine works; for logs and metrics. */
export type EngineEvent =
  | {
      readonly kind: 'observed';
      readonly target: string;
      readonly count: number;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'applied';
      readonly target: string;
      readonly verb: 'update' | 'delete';
      readonly count: number;
      readonly durationMs: number;
      /** The operations in words, as `plan` prints them. */
      readonly lines: () => readonly string[];
    }
  /** Entries that were as they should be, and that somebody else changed, are as they should be again. */
  | {
      readonly kind: 'repaired';
      readonly target: string;
      readonly verb: 'update' | 'delete';
      readonly count: number;
      readonly lines: () => readonly string[];
    }
  | {
      readonly kind: 'failed';
      readonly target: string;
      readonly key: string;
      readonly error: unknown;
      readonly attempts: number;
    }
  | {
      readonly kind: 'passed';
      readonly revision: number;
      readonly durationMs: number;
      /** Since the oldest submission that this pass worked off; undefined for a retry or resync. */
      readonly latencyMs: number | undefined;
      readonly isConverged: boolean;
    };
