// A small GET over a unix socket: how the command line asks the cluster's processes.

import { request } from 'node:http';
import { FairleadError, messageOf } from '../../base/errors.ts';

const MAX_BYTES = 32 << 20;
/** A process that hangs is as good as away, and must not hold up what the others say. */
export const ANSWER_MS = 5_000;

/** The JSON body of a 200 answer; `unavailable` where nobody answers in time, `internal` for any other answer. */
export function getJson(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  const action = `ask ${socketPath} for ${path}`;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(new FairleadError('unavailable', `Cannot ${action}: ${messageOf(error)}`, { cause: error }));
    const call = request({ socketPath, path, signal: patience }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) call.destroy(new Error(`answer larger than ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else
          reject(
            new FairleadError(
              'internal',
              `Cannot ${action}: status ${response.statusCode}: ${text.slice(0, 200)}`,
            ),
          );
      });
    });
    call.on('error', fail);
    call.end();
  });
}
