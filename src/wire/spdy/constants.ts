// Numbers of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00 and its window for the whole session) and the limits that this codec sets.

export const SPDY_VERSION = 3;

/** Types of control frames. 5 (NOOP) and 10 (CREDENTIAL) are of older drafts and passed over like every unknown type. */
export const FRAME_TYPE = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 0x01;
/** SYN_STREAM only: its receiver may not send. */
export const FLAG_UNIDIRECTIONAL = 0x02;

/** Why a stream is reset. */
export const RST_STATUS = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
} as const;

/** Why a session ends. */
export const GOAWAY_STATUS = { ok: 0, protocolError: 1 } as const;

export const SETTING_INITIAL_WINDOW = 7;
export const INITIAL_WINDOW_BYTES = 65_536;
export const MAX_WINDOW_BYTES = 0x7fff_ffff;
export const MAX_STREAM_ID = 0x7fff_ffff;

/** A control frame may not be longer: it is held until it is whole. Data is passed on as it comes. */
export const MAX_CONTROL_BYTES = 65_536;
/** What one header block may unpack to. */
export const MAX_HEADER_BYTES = 65_536;
/** The length field has 24 bits. */
export const MAX_DATA_BYTES = 0xff_ffff;
