// One query to one upstream by plain UDP or TCP and back: a socket of its own each time, so that the kernel picks a new random port.

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { familyOf } from '../base/ip.ts';
import { messageOf } from '../base/errors.ts';
import { MAX_MESSAGE_BYTES } from '../wire/dns/constants.ts';
import { settle, type Exchange, type ExchangeOptions, type ExchangeResult } from './exchange.ts';
import { frameMessage, MessageFramer } from './message-framer.ts';
import type { Upstream } from './upstream.ts';
import { matchReply, type UpstreamQuery } from './upstream-query.ts';

export const plainExchange: Exchange = (upstream, query, options) =>
  options.transport === 'udp' ? overUdp(upstream, query, options) : overTcp(upstream, query, options);

function overUdp(
  upstream: Upstream,
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
    // What cannot be connected, to a network without a way for instance, is told here and by no event.
    socket.connect(upstream.port, upstream.ip, (error?: Error) => {
      if (error !== undefined) done({ kind: 'unreachable', because: messageOf(error) });
      else if (isOpen) socket.send(query.bytes);
    });
  });
}

function overTcp(
  upstream: Upstream,
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
