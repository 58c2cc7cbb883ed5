// Frames of SPDY/3.1 as values. Knows nothing of bytes, sockets or what streams are for.

/** Names are lower case; a name that stood several times has its values joined by NUL. */
export type SpdyHeaders = ReadonlyMap<string, string>;

export interface SynStreamFrame {
  readonly kind: 'syn-stream';
  readonly streamId: number;
  readonly associatedId: number;
  /** 0 (first) to 7. */
  readonly priority: number;
  readonly headers: SpdyHeaders;
  readonly isFin: boolean;
  readonly isUnidirectional: boolean;
}

export interface HeadersFrame {
  readonly kind: 'syn-reply' | 'headers';
  readonly streamId: number;
  readonly headers: SpdyHeaders;
  readonly isFin: boolean;
}

export interface RstStreamFrame {
  readonly kind: 'rst-stream';
  readonly streamId: number;
  readonly status: number;
}

export interface SettingsFrame {
  readonly kind: 'settings';
  /** By the setting's number; of repeated ones the first stands, as the specification says. */
  readonly settings: ReadonlyMap<number, number>;
}

export interface PingFrame {
  readonly kind: 'ping';
  /** Odd where the client asked, even where the server did. */
  readonly id: number;
}

export interface GoAwayFrame {
  readonly kind: 'go-away';
  readonly lastStreamId: number;
  readonly status: number;
}

export interface WindowUpdateFrame {
  readonly kind: 'window-update';
  /** 0 is the whole session. */
  readonly streamId: number;
  readonly delta: number;
}

/** A piece of a data frame: the end of the stream stands on the last piece alone. */
export interface DataFrame {
  readonly kind: 'data';
  readonly streamId: number;
  readonly bytes: Uint8Array;
  readonly isFin: boolean;
}

export type SpdyFrame =
  | SynStreamFrame
  | HeadersFrame
  | RstStreamFrame
  | SettingsFrame
  | PingFrame
  | GoAwayFrame
  | WindowUpdateFrame
  | DataFrame;
