// One `kubectl port-forward`: streams of a SPDY session, paired by their request, each pair a connection in the pod. All of them end
// with the session. A client that opens streams without end is refused further ones.

import type { Duplex } from 'node:stream';
import { SpdySession } from '../exec/spdy-session.ts';
import type { SpdyStream } from '../exec/spdy-stream.ts';
import { forward, type ConnectPort, type StreamPair } from './forwarded-connection.ts';

/** Two per connection: a browser opens some ten, a load test hundreds. */
const MAX_STREAMS = 512;
/** How long one stream of a pair waits for the other. */
const PAIR_TIMEOUT_MS = 30_000;

export interface PortForwardOptions {
  readonly connect: ConnectPort;
  /** Names the pod in what clients are told. */
  readonly podText: string;
  readonly pingMs: number;
  readonly pairTimeoutMs?: number;
}

interface HalfPair {
  readonly port: number;
  readonly data: SpdyStream | undefined;
  readonly error: SpdyStream | undefined;
  readonly timer: NodeJS.Timeout;
}

/** Serves until either side hangs up. */
export function servePortForward(socket: Duplex, options: PortForwardOptions): void {
  const pairs = new StreamPairs(options.pairTimeoutMs ?? PAIR_TIMEOUT_MS, (pair) => {
    void forward(pair, options.connect, options.podText);
  });
  const session = new SpdySession(socket, {
    maxStreams: MAX_STREAMS,
    onStream: (stream) => pairs.add(stream),
  });
  const beat = setInterval(() => session.ping(), options.pingMs);
  session.gone.addEventListener('abort', () => {
    clearInterval(beat);
    pairs.close();
  });
}

class StreamPairs {
  readonly #timeoutMs: number;
  readonly #onPair: (pair: StreamPair) => void;
  readonly #waiting = new Map<string, HalfPair>();

  constructor(timeoutMs: number, onPair: (pair: StreamPair) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onPair = onPair;
  }

  close(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  /** A stream that is no half of a pair is reset. */
  add(stream: SpdyStream): void {
    const port = portOf(stream);
    const type = stream.headers.get('streamtype');
    if (port === undefined || (type !== 'data' && type !== 'error')) return void stream.destroy();
    const request = requestOf(stream, type);
    const other = this.#waiting.get(request);
    if (other?.[type] !== undefined || (other !== undefined && other.port !== port)) {
      return void stream.destroy();
    }
    const data = type === 'data' ? stream : other?.data;
    const error = type === 'error' ? stream : other?.error;
    if (data !== undefined && error !== undefined) {
      this.#forget(request);
      this.#onPair({ port, data, error });
    } else this.#wait(request, { port, data, error });
  }

  #wait(request: string, half: Omit<HalfPair, 'timer'>): void {
    const stream = half.data ?? half.error;
    const timer = setTimeout(() => {
      this.#forget(request);
      half.error?.end('timed out waiting for the data stream of the connection');
      half.error?.resume();
      half.data?.destroy();
    }, this.#timeoutMs);
    this.#waiting.set(request, { ...half, timer });
    // Reset before its other half came.
    stream?.on('close', () => {
      if (this.#waiting.get(request)?.timer === timer) this.#forget(request);
    });
  }

  #forget(request: string): void {
    clearTimeout(this.#waiting.get(request)?.timer);
    this.#waiting.delete(request);
  }
}

/** Clients before Kubernetes 1.3 name no request: their error stream is opened right before the data stream. */
function requestOf({ id, headers }: SpdyStream, type: 'data' | 'error'): string {
  return headers.get('requestid') ?? `stream ${type === 'error' ? id : id - 2}`;
}

function portOf({ headers }: SpdyStream): number | undefined {
  const text = headers.get('port') ?? '';
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port < 65_536 ? port : undefined;
}
