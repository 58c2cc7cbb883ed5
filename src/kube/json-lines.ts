// Splits a stream of bytes into lines of JSON, as watches send them. Bounded: the sender is not trusted.

import { FairleadError, messageOf } from '../base/errors.ts';

/** An object of etcd's limit (1.5 MB) written with escapes, twice. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Yields one value per line. Throws `invalid` for a line that is no JSON, `exhausted` for one that is too long; a last line without its end is dropped. */
export async function* jsonLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<unknown> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...pending, chunk.subarray(start, end)]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.length > 0) yield parseLine(line);
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > maxLineBytes) {
      throw new FairleadError('exhausted', `Cannot read stream: a line is longer than ${maxLineBytes} bytes`);
    }
  }
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read stream: ${messageOf(error)}`, { cause: error });
  }
}
