// Lines to a file descriptor that may be slow: nobody waits for it, and what does not fit is counted. Whoever reads a container's output may stop for a while, and
// what is written to a pipe at once would stop all of the process with it.

import { write } from 'node:fs';

/** Characters that wait at most. */
const MAX_WAITING = 4 * 1024 * 1024;
/** Nobody else's line gets into one write of so much to a pipe (PIPE_BUF of pipe(7)). */
const BLOCK_BYTES = 4096;

export class LineOutput {
  readonly #fd: number;
  readonly #onLost: (lines: number) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;

  constructor(fd: number, onLost: (lines: number) => void) {
    this.#fd = fd;
    this.#onLost = onLost;
  }

  /** Without its end. */
  line(text: string): void {
    const bytes = Buffer.from(`${text}\n`, 'utf8');
    if (this.#waitingBytes + bytes.length > MAX_WAITING) return this.#onLost(1);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) this.#writeNext();
  }

  #writeNext(): void {
    const block = this.#nextBlock();
    this.#isWriting = block.length > 0;
    if (this.#isWriting) this.#writeAll(block);
  }

  /** As many whole lines as one write takes, one at least. */
  #nextBlock(): Buffer {
    let [lines, bytes] = [0, 0];
    for (const line of this.#waiting) {
      if (lines > 0 && bytes + line.length > BLOCK_BYTES) break;
      lines++;
      bytes += line.length;
    }
    this.#waitingBytes -= bytes;
    return Buffer.concat(this.#waiting.splice(0, lines));
  }

  #writeAll(block: Buffer): void {
    write(this.#fd, block, (error, written) => {
      if (error !== null) this.#onLost(block.toString('latin1').split('\n').length - 1);
      else if (written < block.length) return this.#writeAll(block.subarray(written));
      this.#writeNext();
    });
  }
}
