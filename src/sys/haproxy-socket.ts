// The door to a running HAProxy: its command socket (management.txt, 9.3). Knows the protocol's framing and no feature.
// One command line per connection, one connection at a time: the end of the connection is then the end of the reply, whatever data the reply holds, and
// HAProxy 2.6 has locks of maps that two writers at once can bring to a halt (its commit 58185669d).

import { connect } from 'node:net';
import { FairleadError, messageOf } from '../base/errors.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** A map of a hundred thousand lines is some 20 MB. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;

export interface HaproxySocket {
  /**
   * Sends a command line, with its payload where it has one, and gives the whole reply. Throws `unavailable` where nobody listens, `timeout`, `exhausted`,
   * `aborted`, and `invalid` for more than HAProxy's buffer takes: it would answer nothing and do nothing.
   */
  send(command: string): Promise<string>;
}

export interface HaproxySocketOptions {
  readonly path: string;
  /** The other side's `tune.bufsize`. */
  readonly bufferBytes: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Nothing is opened before the first command. */
export function haproxySocket(options: HaproxySocketOptions): HaproxySocket {
  let last: Promise<unknown> = Promise.resolve();
  return {
    send: (command) => {
      const reply = last.then(() => exchange(command, options));
      // The next command waits for the end of this one, however that is.
      last = reply.catch(() => undefined);
      return reply;
    },
  };
}

function exchange(command: string, options: HaproxySocketOptions): Promise<string> {
  const { path, bufferBytes, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const name = shown(command);
  if (Buffer.byteLength(command) >= bufferBytes)
    return Promise.reject(failure('invalid', name, `it is longer than the buffer of ${bufferBytes} bytes`));
  if (signal?.aborted === true) return Promise.reject(failure('aborted', name, 'it was given up'));
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (error?: FairleadError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      if (error === undefined) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(error);
    };
    const onAbort = (): void => finish(failure('aborted', name, 'it was given up'));
    const onTimeout = (): void => finish(failure('timeout', name, `no end of the reply in ${timeoutMs} ms`));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => finish(failure('unavailable', name, messageOf(error))));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_REPLY_BYTES)
        finish(failure('exhausted', name, `the reply is longer than ${MAX_REPLY_BYTES} bytes`));
    });
    // A reply has a line end at least: nothing at all is a command that HAProxy dropped.
    socket.once('end', () => finish(bytes > 0 ? undefined : failure('unavailable', name, 'no reply')));
    // A master keeps a connection open for more commands until it hears that there are none.
    socket.end(command);
  });
}

/** Of a payload, which may hold private keys, nothing is shown. */
function shown(command: string): string {
  const line = command.split('\n', 1)[0] ?? '';
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

function failure(
  code: 'unavailable' | 'timeout' | 'exhausted' | 'aborted' | 'invalid',
  command: string,
  cause: string,
): FairleadError {
  return new FairleadError(code, `Cannot send "${command}" to HAProxy: ${cause}`);
}
