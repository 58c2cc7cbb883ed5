// exec over SPDY/3.1: a stream per channel, told apart by the header "streamtype" (v2 to v5.channel.k8s.io).

import type { Duplex, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { FairleadError } from '../../../base/errors.ts';
import type { ExecStatus } from './exec-status.ts';
import type { ExecRequest, ExecTransport } from './exec-transport.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';

/** What the header X-Stream-Protocol-Version may name, by what the protocol can say. */
const PROTOCOLS: ReadonlyMap<string, { readonly hasSizes: boolean; readonly hasStatus: boolean }> = new Map([
  ['v5.channel.k8s.io', { hasSizes: true, hasStatus: true }],
  ['v4.channel.k8s.io', { hasSizes: true, hasStatus: true }],
  ['v3.channel.k8s.io', { hasSizes: true, hasStatus: false }],
  ['v2.channel.k8s.io', { hasSizes: false, hasStatus: false }],
]);

export const SPDY_EXEC_PROTOCOLS: readonly string[] = [...PROTOCOLS.keys()];

/** Five channels; more is nobody's exec. */
const MAX_STREAMS = 8;
const STREAMS_TIMEOUT_MS = 30_000;

type Channel = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/** Waits for the client to open the streams of its request; throws `timeout`, `invalid` or `aborted`, and the session is closed then. */
export async function openSpdyTransport(
  socket: Duplex,
  protocol: string,
  request: ExecRequest,
): Promise<ExecTransport> {
  const { hasSizes = false, hasStatus = false } = PROTOCOLS.get(protocol) ?? {};
  const wanted = new Set(channelsOf(request, hasSizes));
  const streams = new Map<Channel, SpdyStream>();
  const complete = Promise.withResolvers<undefined>();
  const onStream = (stream: SpdyStream): void => {
    const channel = [...wanted].find((it) => it === stream.headers.get('streamtype'));
    if (channel === undefined) {
      return complete.reject(new FairleadError('invalid', 'Cannot exec: a stream of no or unasked type'));
    }
    wanted.delete(channel);
    streams.set(channel, stream);
    if (wanted.size === 0) complete.resolve(undefined);
  };
  const session = new SpdySession(socket, { maxStreams: MAX_STREAMS, onStream });
  const late = new FairleadError('timeout', 'Cannot exec: the client did not open its streams');
  const timer = setTimeout(() => complete.reject(late), STREAMS_TIMEOUT_MS);
  const onGone = (): void => complete.reject(new FairleadError('aborted', 'Cannot exec: the client is gone'));
  session.gone.addEventListener('abort', onGone, { once: true });
  try {
    await complete.promise;
    return new SpdyTransport(session, streams, hasStatus);
  } catch (error) {
    session.close();
    throw error;
  } finally {
    clearTimeout(timer);
    session.gone.removeEventListener('abort', onGone);
  }
}

function channelsOf(request: ExecRequest, hasSizes: boolean): readonly Channel[] {
  const wanted: readonly (readonly [Channel, boolean])[] = [
    ['error', true],
    ['stdin', request.hasStdin],
    ['stdout', request.hasStdout],
    ['stderr', request.hasStderr && !request.hasTty],
    ['resize', request.hasTty && hasSizes],
  ];
  return wanted.filter(([, isWanted]) => isWanted).map(([channel]) => channel);
}

class SpdyTransport implements ExecTransport {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly sizes: Readable | undefined;
  readonly #session: SpdySession;
  readonly #error: SpdyStream | undefined;
  readonly #hasStatus: boolean;

  constructor(session: SpdySession, streams: ReadonlyMap<Channel, SpdyStream>, hasStatus: boolean) {
    this.#session = session;
    this.#error = streams.get('error');
    this.#hasStatus = hasStatus;
    this.stdin = streams.get('stdin');
    this.stdout = streams.get('stdout');
    this.stderr = streams.get('stderr');
    this.sizes = streams.get('resize');
    // Nothing is to come on the streams that we write to: what comes all the same is dropped.
    for (const channel of ['error', 'stdout', 'stderr'] as const) streams.get(channel)?.resume();
  }

  get gone(): AbortSignal {
    return this.#session.gone;
  }

  ping(): void {
    this.#session.ping();
  }

  finish(status: ExecStatus): void {
    void this.#say(status).finally(() => this.#session.close());
  }

  async #say(status: ExecStatus): Promise<void> {
    const outputs = [this.stdout, this.stderr].filter((it) => it !== undefined);
    for (const output of outputs) output.end();
    await Promise.allSettled(outputs.map((output) => finished(output, { readable: false })));
    if (this.#error === undefined) return;
    this.#error.end(this.#hasStatus ? JSON.stringify(status) : (status.message ?? ''));
    await finished(this.#error, { readable: false }).catch(() => undefined); // Gone: nobody is left to hear it.
  }
}
