// What an exec needs of the connection it came over. The session (exec-session.ts) knows no protocol; the protocols know no process.

import type { Readable, Writable } from 'node:stream';
import type { ExecStatus } from './exec-status.ts';

/** Streams that the client did not ask for are undefined. All of them are bounded: who writes waits for who reads. */
export interface ExecTransport {
  /** What the client types; ends where the client says so. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Sizes of the client's terminal, as JSON objects one after another. */
  readonly sizes: Readable | undefined;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  /** A sign of life: without it nobody notices a dead client while nothing is read from it. */
  ping(): void;
  /** The last word, behind all output; closes the connection. */
  finish(status: ExecStatus): void;
}

/** What the request asked for. */
export interface ExecRequest {
  readonly hasStdin: boolean;
  readonly hasStdout: boolean;
  readonly hasStderr: boolean;
  readonly hasTty: boolean;
}
