// Steps to take back when a sequence fails midway, last one first.

import { FairleadError, isNotFound, messageOf } from '../base/errors.ts';

interface Step {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

export class UndoList {
  #steps: Step[] = [];

  /** `undo` may find that there is nothing to take back: `not-found` counts as done. */
  push(what: string, undo: () => Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /** Takes everything back and returns the error to throw: `error` itself, or with what could not be taken back added. */
  async run(error: unknown): Promise<unknown> {
    const failures: string[] = [];
    for (const { what, undo } of this.#steps.reverse()) {
      try {
        await undo();
      } catch (failure) {
        if (!isNotFound(failure)) failures.push(`${what}: ${messageOf(failure)}`);
      }
    }
    this.#steps = [];
    if (failures.length === 0) return error;
    const message = `${messageOf(error)}; and cannot undo: ${failures.join('; ')}`;
    const from = error instanceof FairleadError ? error : undefined;
    return new FairleadError(from?.code ?? 'internal', message, {
      ...(from === undefined ? {} : { details: from.details }),
      cause: error,
    });
  }
}
