// Frames into bytes of one direction. Knows nothing of windows: who may send how much is decided before.

import { FairleadError } from '../../base/errors.ts';
import {
  FLAG_FIN,
  FLAG_UNIDIRECTIONAL,
  FRAME_TYPE,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
  SPDY_VERSION,
} from './constants.ts';
import type { DataFrame, SpdyFrame, SpdyHeaders } from './frame.ts';
import { HeaderDeflater } from './header-compression.ts';
import { encodeHeaderList } from './header-list.ts';

const HEADER_BYTES = 8;

/** Writes one direction of a session: frames must be sent in the order in which they were encoded. */
export class FrameWriter {
  readonly #deflater = new HeaderDeflater();

  /** Throws `invalid` where a frame is longer than its length field or the limit of the other side can take. */
  encode(frame: SpdyFrame): Buffer {
    switch (frame.kind) {
      case 'data':
        return dataFrame(frame);
      case 'syn-stream': {
        const flags = (frame.isFin ? FLAG_FIN : 0) | (frame.isUnidirectional ? FLAG_UNIDIRECTIONAL : 0);
        const slots = Buffer.from([frame.priority << 5, 0]);
        const fixed = Buffer.concat([words(frame.streamId, frame.associatedId), slots]);
        return control(FRAME_TYPE.synStream, flags, [fixed, this.#headers(frame.headers)]);
      }
      case 'syn-reply':
      case 'headers': {
        const type = frame.kind === 'headers' ? FRAME_TYPE.headers : FRAME_TYPE.synReply;
        const flags = frame.isFin ? FLAG_FIN : 0;
        return control(type, flags, [words(frame.streamId), this.#headers(frame.headers)]);
      }
      case 'rst-stream':
        return control(FRAME_TYPE.rstStream, 0, [words(frame.streamId, frame.status)]);
      case 'settings':
        return control(FRAME_TYPE.settings, 0, [words(frame.settings.size, ...[...frame.settings].flat())]);
      case 'ping':
        return control(FRAME_TYPE.ping, 0, [words(frame.id)]);
      case 'go-away':
        return control(FRAME_TYPE.goAway, 0, [words(frame.lastStreamId, frame.status)]);
      case 'window-update':
        return control(FRAME_TYPE.windowUpdate, 0, [words(frame.streamId, frame.delta)]);
    }
  }

  #headers(headers: SpdyHeaders): Buffer {
    return this.#deflater.deflate(encodeHeaderList(headers));
  }
}

function dataFrame({ streamId, bytes, isFin }: DataFrame): Buffer {
  if (bytes.length > MAX_DATA_BYTES) throw tooLong(bytes.length);
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(isFin ? FLAG_FIN : 0, 4);
  head.writeUIntBE(bytes.length, 5, 3);
  return Buffer.concat([head, bytes]);
}

function control(type: number, flags: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_CONTROL_BYTES) throw tooLong(length);
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(0x8000 | SPDY_VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(length, 5, 3);
  return Buffer.concat([head, ...parts]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}

function tooLong(length: number): FairleadError {
  return new FairleadError('invalid', `Cannot write SPDY frame: ${length} bytes are too many`);
}
