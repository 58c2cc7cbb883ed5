// Reads the one request of a connection, bounded in size and time.

import type { Socket } from 'node:net';
import { FairleadError } from '../base/errors.ts';
import { readRequestFrame, type RawCniRequest } from './frames.ts';

/** The executable sends at once; who takes longer is none. */
const RECEIVE_TIMEOUT_MS = 10_000;

/** Rejects where the connection ends early, sends what is no request, or takes longer than 10 s. */
export function receiveRequest(socket: Socket): Promise<RawCniRequest> {
  const { promise, resolve, reject } = Promise.withResolvers<RawCniRequest>();
  let bytes: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    try {
      const progress = readRequestFrame(bytes);
      if (progress.kind === 'complete') resolve(progress.request);
    } catch (error) {
      reject(error);
    }
  };
  const onEnd = (): void => reject(new FairleadError('aborted', 'the caller left before its request ended'));
  const timer = setTimeout(() => {
    reject(new FairleadError('timeout', `no whole request within ${RECEIVE_TIMEOUT_MS} ms`));
  }, RECEIVE_TIMEOUT_MS);
  socket.on('data', onData).once('close', onEnd);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', onData).off('close', onEnd);
    // Keeps the stream flowing, so that the caller's end is noticed.
    socket.resume();
  });
}
