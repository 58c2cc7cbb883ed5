// JSON values on a stream, each behind its length in four octets: what the agent and the DNS process say to each other. Knows no value.

import { FairleadError } from '../base/errors.ts';

/** A frame of the feed holds one entry at least, and the largest entry is a headless Service with all its endpoints. */
export const MAX_FRAME_BYTES = 8 << 20;

/** Throws `exhausted` for a value whose text is longer than a frame may be. */
export function frameJson(value: { readonly kind: string }): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  if (text.length > MAX_FRAME_BYTES) {
    throw new FairleadError('exhausted', `Cannot frame ${value.kind}: ${text.length} octets`);
  }
  const frame = Buffer.allocUnsafe(4 + text.length);
  frame.writeUInt32BE(text.length, 0);
  text.copy(frame, 4);
  return frame;
}

/** Cuts a stream into JSON values; holds at most one frame that is not complete. */
export class JsonFramer {
  #chunks: Buffer[] = [];
  #held = 0;

  /** The values that `chunk` completes; throws `invalid` for a frame over the bound or no JSON, after which the stream is lost. */
  push(chunk: Buffer): readonly unknown[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const values: unknown[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) {
      try {
        values.push(JSON.parse(frame.toString('utf8')));
      } catch (error) {
        throw new FairleadError('invalid', 'Cannot read frames: one is no JSON', { cause: error });
      }
    }
    return values;
  }

  /** One whole frame's octets. Chunks are joined only when they complete it, so a large frame is not copied for each chunk. */
  #take(): Buffer | undefined {
    if (this.#held < 4) return undefined;
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]?.readUInt32BE(0) ?? 0;
    if (length > MAX_FRAME_BYTES) {
      throw new FairleadError('invalid', `Cannot read frames: one has ${length} octets`);
    }
    if (this.#held < 4 + length) return undefined;
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(4 + length)];
    this.#held = all.length - 4 - length;
    return all.subarray(4, 4 + length);
  }
}
