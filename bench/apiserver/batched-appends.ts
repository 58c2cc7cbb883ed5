// Appends by many writers that each wait for their bytes to be on the disk: one append and one sync serve all who wait.

import type { FileHandle } from 'node:fs/promises';

export class BatchedAppends {
  readonly #file: FileHandle;
  readonly #record: Buffer;
  #waiting: (() => void)[] = [];
  #isRunning = false;

  constructor(file: FileHandle, record: Buffer) {
    this.#file = file;
    this.#record = record;
  }

  /** Resolves when one more record is on the disk. */
  append(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      setImmediate(() => void this.#write());
    });
  }

  async #write(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#file.write(Buffer.concat(batch.map(() => this.#record)));
      await this.#file.datasync();
      for (const done of batch) done();
    }
    this.#isRunning = false;
  }
}
