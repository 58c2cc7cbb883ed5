// All header blocks of one direction are one zlib stream, flushed behind each block. Because a flush ends on a whole byte, every
// block can be unpacked by itself as long as the window (the last 32 KiB of unpacked text) is given to it as its dictionary:
// no native stream has to be kept open, and the size of the result is bounded block by block.

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { MAX_HEADER_BYTES } from './constants.ts';
import { HEADER_DICTIONARY, HEADER_DICTIONARY_ID } from './dictionary.ts';

const WINDOW_BYTES = 32_768;
const ZLIB_HEADER_BYTES = 2;
const DICTIONARY_ID_BYTES = 4;
/** Deflate with a 32 KiB window and a preset dictionary (RFC 1950 section 2.2). */
const ZLIB_START = 0x78bb;
const METHOD_DEFLATE = 8;
const FLAG_DICTIONARY = 0x20;

/** Unpacks the blocks of one direction in their order. After a throw (`invalid`) the stream is lost. */
export class HeaderInflater {
  #window: Uint8Array | undefined;

  inflate(block: Uint8Array): Buffer {
    const { window, body } =
      this.#window === undefined ? start(Buffer.from(block)) : { window: this.#window, body: block };
    const text = inflateBlock(body, window);
    this.#window = slide(window, text);
    return text;
  }
}

/** Packs the blocks of one direction in their order. */
export class HeaderDeflater {
  #window: Uint8Array | undefined;

  deflate(text: Uint8Array): Buffer {
    const window = this.#window ?? HEADER_DICTIONARY;
    const { Z_SYNC_FLUSH } = constants;
    const body = deflateRawSync(text, { dictionary: window, finishFlush: Z_SYNC_FLUSH });
    const block = this.#window === undefined ? Buffer.concat([startBytes(), body]) : body;
    this.#window = slide(window, text);
    return block;
  }
}

function inflateBlock(body: Uint8Array, window: Uint8Array): Buffer {
  try {
    return inflateRawSync(body, {
      ...(window.length === 0 ? {} : { dictionary: window }),
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_HEADER_BYTES,
    });
  } catch (error) {
    throw malformed(messageOf(error), error);
  }
}

/** Takes the zlib header off the first block. */
function start(block: Buffer): { readonly window: Uint8Array; readonly body: Uint8Array } {
  if (block.length < ZLIB_HEADER_BYTES) throw malformed('no zlib header');
  const header = block.readUInt16BE(0);
  if (((header >> 8) & 0x0f) !== METHOD_DEFLATE || header % 31 !== 0) throw malformed('not a zlib header');
  if ((header & FLAG_DICTIONARY) === 0) {
    return { window: new Uint8Array(), body: block.subarray(ZLIB_HEADER_BYTES) };
  }
  const end = ZLIB_HEADER_BYTES + DICTIONARY_ID_BYTES;
  if (block.length < end || block.readUInt32BE(ZLIB_HEADER_BYTES) !== HEADER_DICTIONARY_ID) {
    throw malformed('compressed against another dictionary');
  }
  return { window: HEADER_DICTIONARY, body: block.subarray(end) };
}

function startBytes(): Buffer {
  const bytes = Buffer.alloc(ZLIB_HEADER_BYTES + DICTIONARY_ID_BYTES);
  bytes.writeUInt16BE(ZLIB_START, 0);
  bytes.writeUInt32BE(HEADER_DICTIONARY_ID, ZLIB_HEADER_BYTES);
  return bytes;
}

function slide(window: Uint8Array, text: Uint8Array): Uint8Array {
  const both = Buffer.concat([window, text]);
  // A copy, so that what slid out is not held by the view.
  return both.length <= WINDOW_BYTES ? both : Buffer.from(both.subarray(-WINDOW_BYTES));
}

function malformed(what: string, cause?: unknown): FairleadError {
  return new FairleadError('invalid', `Cannot unpack SPDY headers: ${what}`, { cause });
}
