// What a test and its probers say to each other: one JSON line per request and per answer.

/** One question over the network, from where the prober runs. */
export interface Ask {
  /** `http` over a new TCP connection, `udp` as one datagram, `dns` as a look-up of A records without the search list. */
  readonly kind: 'http' | 'udp' | 'dns';
  /** An address, or a name that is looked up as the C library does; for `dns` the name itself. */
  readonly host: string;
  readonly port: number;
  /** Path of the HTTP request, text of the datagram. */
  readonly say: string;
  /** Sends from this address, even where it is nobody's here. */
  readonly from?: string;
  /** UDP only: connect() the socket first instead of naming the destination with the datagram. */
  readonly isConnected?: boolean;
  /** Sends this many bytes instead of `say` (UDP): "echo " and a filling. */
  readonly fillBytes?: number;
  /** 3000. */
  readonly timeoutMs?: number;
}

export interface Answer {
  /** What came back; undefined where `error` tells why not. */
  readonly text?: string;
  /** A code of the system (ECONNREFUSED), or `timeout`. */
  readonly error?: string;
  readonly ms: number;
  /** Who the socket says it talks to. */
  readonly peer?: string;
  /** The socket's own address, without the port. */
  readonly local?: string;
}

/** How often which text came and which error. */
export interface Tally {
  readonly sent: number;
  readonly texts: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  /** The longest time between two good answers, to the end of the load. */
  readonly longestGapMs: number;
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface Bulk {
  readonly bytes: number;
  readonly isWhole: boolean;
  readonly ms: number;
}

/** Every request with its answer. */
export interface Requests {
  ask: { readonly in: Ask; readonly out: Answer };
  many: {
    readonly in: { readonly ask: Ask; readonly count: number; readonly atOnce: number };
    readonly out: Tally;
  };
  /** Goes on asking, one question every `everyMs`, until `stop` with the number that this gives. */
  load: { readonly in: { readonly ask: Ask; readonly everyMs: number }; readonly out: number };
  stop: { readonly in: number; readonly out: Tally };
  /** Keeps a socket; `say` with the number that this gives asks over it, as often as wanted. */
  hold: { readonly in: Omit<Ask, 'say'>; readonly out: number };
  say: {
    readonly in: { readonly socket: number; readonly say: string; readonly timeoutMs: number };
    readonly out: Answer;
  };
  /** Ends a kept socket. */
  release: { readonly in: number; readonly out: true };
  bulk: {
    readonly in: { readonly host: string; readonly port: number; readonly bytes: number };
    readonly out: Bulk;
  };
  /** getaddrinfo(): addresses, or the error's code. */
  lookup: {
    readonly in: { readonly name: string; readonly family: 0 | 4 | 6 };
    readonly out: { readonly ips: readonly string[]; readonly error?: string; readonly ms: number };
  };
  run: { readonly in: readonly string[]; readonly out: Ran };
  /** What the prober's own HTTP server says on /ready and /live from now on. */
  health: { readonly in: { readonly isReady?: boolean; readonly isLive?: boolean }; readonly out: true };
}

export type Verb = keyof Requests;

/** The abstract socket of a prober: in the network namespace that it runs in, no file, gone with it. */
export function controlSocket(name: string): string {
  return `\0fairlead-prober/${name}`;
}
