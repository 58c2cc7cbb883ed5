// Bytes of one direction into frames. Bounded: a control frame is held until it is whole, but never more than MAX_CONTROL_BYTES; data
// is passed on in the pieces it comes in. What is malformed throws `invalid`, and the session cannot go on.

import { FairleadError } from '../../base/errors.ts';
import {
  FLAG_FIN,
  FLAG_UNIDIRECTIONAL,
  FRAME_TYPE,
  MAX_CONTROL_BYTES,
  MAX_STREAM_ID,
  SPDY_VERSION,
} from './constants.ts';
import type { SpdyFrame, SpdyHeaders } from './frame.ts';
import { HeaderInflater } from './header-compression.ts';
import { decodeHeaderList } from './header-list.ts';

const HEADER_BYTES = 8;
const SETTING_BYTES = 8;

interface ControlHead {
  readonly type: number;
  readonly flags: number;
  readonly length: number;
}

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'control'; readonly head: ControlHead }
  | { readonly kind: 'data'; readonly streamId: number; readonly isFin: boolean; readonly left: number };

/** Reads one direction of a session; pieces may be cut anywhere. */
export class FrameReader {
  readonly #inflater = new HeaderInflater();
  #state: State = { kind: 'head' };
  /** What came of a head or control frame that is not whole yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** The frames that end in `piece`, and the data in it. The frames share memory with `piece`. */
  push(piece: Buffer): readonly SpdyFrame[] {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    const frames: SpdyFrame[] = [];
    // Joined only when it is enough: many small pieces must not cost the square of their number.
    if (this.#heldBytes < this.#needed()) return frames;
    let rest = this.#held.length === 1 ? piece : Buffer.concat(this.#held);
    for (let taken = -1; taken !== 0; rest = rest.subarray(taken)) taken = this.#take(rest, frames);
    // A copy, so that the few bytes held do not keep all of the piece.
    this.#held = rest.length === 0 ? [] : [Buffer.from(rest)];
    this.#heldBytes = rest.length;
    return frames;
  }

  #needed(): number {
    if (this.#state.kind === 'control') return this.#state.head.length;
    return this.#state.kind === 'head' ? HEADER_BYTES : 1;
  }

  /** Works off the start of `bytes`; how much that was, 0 where more is needed. */
  #take(bytes: Buffer, frames: SpdyFrame[]): number {
    const state = this.#state;
    if (state.kind === 'data') return this.#takeData(bytes, state, frames);
    if (state.kind === 'head') {
      if (bytes.length < HEADER_BYTES) return 0;
      this.#state = this.#begin(bytes, frames);
      return HEADER_BYTES;
    }
    const { head } = state;
    if (bytes.length < head.length) return 0;
    const frame = this.#control(head, bytes.subarray(0, head.length));
    if (frame !== undefined) frames.push(frame);
    this.#state = { kind: 'head' };
    // An empty payload takes nothing: begin with the next head in the same call.
    return head.length === 0 ? this.#take(bytes, frames) : head.length;
  }

  #begin(bytes: Buffer, frames: SpdyFrame[]): State {
    const first = bytes.readUInt32BE(0);
    const flags = bytes.readUInt8(4);
    const length = bytes.readUIntBE(5, 3);
    if ((first & 0x8000_0000) === 0) {
      const isFin = (flags & FLAG_FIN) !== 0;
      if (length > 0) return { kind: 'data', streamId: first, isFin, left: length };
      if (isFin) frames.push({ kind: 'data', streamId: first, bytes: new Uint8Array(), isFin });
      return { kind: 'head' };
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== SPDY_VERSION) throw malformed(`version ${version}`);
    if (length > MAX_CONTROL_BYTES) throw malformed(`control frame of ${length} bytes`);
    return { kind: 'control', head: { type: first & 0xffff, flags, length } };
  }

  #takeData(bytes: Buffer, state: State & { readonly kind: 'data' }, frames: SpdyFrame[]): number {
    const taken = Math.min(bytes.length, state.left);
    if (taken === 0) return 0;
    const left = state.left - taken;
    const { streamId } = state;
    const isFin = state.isFin && left === 0;
    frames.push({ kind: 'data', streamId, bytes: bytes.subarray(0, taken), isFin });
    this.#state = left === 0 ? { kind: 'head' } : { ...state, left };
    return taken;
  }

  #control({ type, flags }: ControlHead, payload: Buffer): SpdyFrame | undefined {
    const isFin = (flags & FLAG_FIN) !== 0;
    switch (type) {
      case FRAME_TYPE.synStream:
        return {
          kind: 'syn-stream',
          streamId: idAt(payload, 0),
          associatedId: idAt(payload, 4),
          priority: byteAt(payload, 8) >> 5,
          headers: this.#headers(payload, 10),
          isFin,
          isUnidirectional: (flags & FLAG_UNIDIRECTIONAL) !== 0,
        };
      case FRAME_TYPE.synReply:
      case FRAME_TYPE.headers: {
        const kind = type === FRAME_TYPE.synReply ? 'syn-reply' : 'headers';
        return { kind, streamId: idAt(payload, 0), headers: this.#headers(payload, 4), isFin };
      }
      default:
        return plainFrame(type, payload);
    }
  }

  #headers(payload: Buffer, offset: number): SpdyHeaders {
    if (payload.length < offset) throw malformed('header frame that is too short');
    return decodeHeaderList(this.#inflater.inflate(payload.subarray(offset)));
  }
}

/** Frames without headers; undefined for types that nobody knows, which are to be passed over. */
function plainFrame(type: number, payload: Buffer): SpdyFrame | undefined {
  switch (type) {
    case FRAME_TYPE.rstStream:
      return { kind: 'rst-stream', streamId: idAt(payload, 0), status: wordAt(payload, 4) };
    case FRAME_TYPE.settings:
      return { kind: 'settings', settings: settingsOf(payload) };
    case FRAME_TYPE.ping:
      return { kind: 'ping', id: wordAt(payload, 0) };
    case FRAME_TYPE.goAway:
      return { kind: 'go-away', lastStreamId: idAt(payload, 0), status: wordAt(payload, 4) };
    case FRAME_TYPE.windowUpdate:
      return { kind: 'window-update', streamId: idAt(payload, 0), delta: idAt(payload, 4) };
    default:
      return undefined;
  }
}

function settingsOf(payload: Buffer): ReadonlyMap<number, number> {
  const count = wordAt(payload, 0);
  if (payload.length !== 4 + count * SETTING_BYTES)
    throw malformed(`${count} settings in ${payload.length} bytes`);
  const settings = new Map<number, number>();
  for (let at = 4; at < payload.length; at += SETTING_BYTES) {
    const id = payload.readUIntBE(at + 1, 3);
    if (!settings.has(id)) settings.set(id, payload.readUInt32BE(at + 4));
  }
  return settings;
}

/** 31 bits: the first is reserved. */
function idAt(payload: Buffer, at: number): number {
  return wordAt(payload, at) & MAX_STREAM_ID;
}

function wordAt(payload: Buffer, at: number): number {
  if (payload.length < at + 4) throw malformed(`frame of ${payload.length} bytes is too short`);
  return payload.readUInt32BE(at);
}

function byteAt(payload: Buffer, at: number): number {
  if (payload.length <= at) throw malformed(`frame of ${payload.length} bytes is too short`);
  return payload.readUInt8(at);
}

function malformed(what: string): FairleadError {
  return new FairleadError('invalid', `Cannot read SPDY frame: ${what}`);
}
