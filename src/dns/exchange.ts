// One query to one upstream and back, whatever carries it: what comes of it, and the frame in which every transport waits.

import type { DnsMessage } from '../wire/dns/message.ts';
import type { Upstream } from './upstream.ts';
import type { UpstreamQuery } from './upstream-query.ts';

export type ExchangeResult =
  | { readonly kind: 'reply'; readonly message: DnsMessage }
  | { readonly kind: 'timeout' }
  /** The network said at once that nobody is there, or the upstream is not who it has to be. */
  | { readonly kind: 'unreachable'; readonly because: string };

export interface ExchangeOptions {
  readonly transport: 'udp' | 'tcp';
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Never rejects. */
export type Exchange = (
  upstream: Upstream,
  query: UpstreamQuery,
  options: ExchangeOptions,
) => Promise<ExchangeResult>;

export type Done = (result: ExchangeResult) => void;

/** The first result wins; time-out and abort are results too; `close` runs exactly once. */
export function settle(
  options: ExchangeOptions,
  close: () => void,
  start: (done: Done) => void,
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    let isDone = false;
    const done: Done = (result) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      close();
      resolve(result);
    };
    const onAbort = (): void => done({ kind: 'unreachable', because: 'shutting down' });
    const timer = setTimeout(() => done({ kind: 'timeout' }), options.timeoutMs);
    options.signal.addEventListener('abort', onAbort, { once: true });
    if (options.signal.aborted) onAbort();
    else start(done);
  });
}
