// One query to one upstream over the network and back: a socket of its own each time, so that the kernel picks a new random port.

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { familyOf } from '../base/ip.ts';
import { messageOf } from '../base/errors.ts';
import { MAX_MESSAGE_BYTES } from '../wire/dns/constants.ts';
import type { DnsMessage } from '../wire/dns/message.ts';
import { frameMessage, MessageFramer } from './message-framer.ts';
import type { ServerAddress } from './udp-server.ts';
import { matchReply, type UpstreamQuery } from './upstream-query.ts';

export type ExchangeResult =
  | { readonly kind: 'reply'; readonly message: DnsMessage }
  | { readonly kind: 'timeout' }
  /** The network said at once that nobody is there. */
  | { readonly kind: 'unreachable'; readonly because: string };

export interface ExchangeOptions {
  readonly transport: 'udp' | 'tcp';
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Never rejects. */
export type Exchange = (
  upstream: ServerAddress,
  query: UpstreamQuery,
  options: ExchangeOptions,
) => Promise<ExchangeResult>;

export const networkExchange: Exchange = (upstream, query, options) =>
  options.transport === 'udp' ? overUdp(upstream, query, options) : overTcp(upstream, query, options);

function overUdp(
  upstream: ServerAddress,
  query: UpstreamQuery,
  options: ExchangeOptions,
): Promise<ExchangeResult> {
  const family = familyOf(upstream.ip);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    lookup: (host, _options, done) => done(null, host, family),
  });
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    socket.close();
  };
  return settle(options, close, (done) => {
    socket.on('error', (error) => done({ kind: 'unreachable', because: messageOf(error) }));
    // What does not match is not ours: a forged reply must not end the wait for the real one.
    socket.on('message', (bytes) => {
      const message = matchReply(query, bytes);
      if (message !== undefined) done({ kind: 'reply', message });
    });
    // Connected: datagrams of others never arrive, and a refusal by ICMP is an error at once.
    socket.connect(upstream.port, upstream.ip, () => {
      if (isOpen) socket.send(query.bytes);
    });
  });
}

function overTcp(
  upstream: ServerAddress,
  query: UpstreamQuery,
  options: ExchangeOptions,
): Promise<ExchangeResult> {
  const socket = connect({ host: upstream.ip, port: upstream.port, noDelay: true });
  const framer = new MessageFramer(MAX_MESSAGE_BYTES);
  return settle(
    options,
    () => socket.destroy(),
    (done) => {
      const fail = (because: string): void => done({ kind: 'unreachable', because });
      socket.on('error', (error) => fail(messageOf(error)));
      socket.on('close', () => fail('connection closed'));
      socket.on('connect', () => socket.write(frameMessage(Buffer.from(query.bytes))));
      socket.on('data', (chunk: Buffer) => {
        for (const bytes of framer.push(chunk) ?? []) {
          const message = matchReply(query, bytes);
          if (message !== undefined) done({ kind: 'reply', message });
        }
      });
    },
  );
}

type Done = (result: ExchangeResult) => void;

/** The first result wins; time-out and abort are results too; `close` runs exactly once. */
function settle(
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
