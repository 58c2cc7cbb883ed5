// The frames between the CNI executable (native/cni/request.h) and the agent; knows nothing of what the fields mean.

import { FairleadError } from '../base/errors.ts';

/** Fields of a request in the order they have in the frame; an unset variable is the empty text. */
const FIELDS = [
  'command',
  'containerId',
  'netns',
  'ifname',
  'args',
  'path',
  'netnsOverride',
  'config',
] as const;

/** One call of the runtime as it arrived: the CNI_* variables and the bytes of standard input as text. */
export type RawCniRequest = Readonly<Record<(typeof FIELDS)[number], string>>;

/** What the executable prints and exits with. */
export interface CniAnswer {
  readonly exitCode: 0 | 1;
  readonly text: string;
}

const MAGIC = Buffer.from('FLC1', 'latin1');
const REQUEST_HEADER_BYTES = 8;
/** 1 MiB of configuration and as much again for the environment. */
export const REQUEST_BYTES_MAX = 2 * 1024 * 1024;

/** What to do with the bytes received so far. */
export type FrameProgress =
  { readonly kind: 'incomplete' } | { readonly kind: 'complete'; readonly request: RawCniRequest };

/** Reads one request; throws `invalid` as soon as the bytes can be none, so that nothing hostile is buffered for long. */
export function readRequestFrame(bytes: Buffer): FrameProgress {
  const magic = bytes.subarray(0, MAGIC.length);
  if (!MAGIC.subarray(0, magic.length).equals(magic)) throw malformed('it does not start with FLC1');
  if (bytes.length < REQUEST_HEADER_BYTES) return { kind: 'incomplete' };
  const length = bytes.readUInt32BE(4);
  if (length > REQUEST_BYTES_MAX) throw malformed(`${length} bytes are more than ${REQUEST_BYTES_MAX}`);
  const end = REQUEST_HEADER_BYTES + length;
  if (bytes.length > end) throw malformed('bytes follow after its end');
  if (bytes.length < end) return { kind: 'incomplete' };
  return { kind: 'complete', request: readFields(bytes.subarray(REQUEST_HEADER_BYTES, end)) };
}

/** The inverse of `readRequestFrame`, for callers that are not the executable. */
export function requestFrame(request: RawCniRequest): Buffer {
  const fields = FIELDS.flatMap((name) => {
    const bytes = Buffer.from(request[name], 'utf8');
    return [u32(bytes.length), bytes];
  });
  const body = Buffer.concat(fields);
  return Buffer.concat([MAGIC, u32(body.length), body]);
}

export function answerFrame(answer: CniAnswer): Buffer {
  const text = Buffer.from(answer.text, 'utf8');
  return Buffer.concat([MAGIC, u32(answer.exitCode), u32(text.length), text]);
}

function readFields(body: Buffer): RawCniRequest {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const values: Partial<Record<(typeof FIELDS)[number], string>> = {};
  let at = 0;
  for (const name of FIELDS) {
    const length = at + 4 <= body.length ? body.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    at += 4;
    if (at + length > body.length) throw malformed(`field ${name} ends after the frame`);
    values[name] = decodeField(decoder, name, body.subarray(at, at + length));
    at += length;
  }
  if (at !== body.length) throw malformed('bytes follow after the last field');
  // Every name of FIELDS was set by the loop above.
  return values as RawCniRequest;
}

function decodeField(decoder: TextDecoder, name: string, bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FairleadError('invalid', `Cannot read CNI request: field ${name} is not UTF-8`, { cause });
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function malformed(cause: string): FairleadError {
  return new FairleadError('invalid', `Cannot read CNI request: ${cause}`);
}
