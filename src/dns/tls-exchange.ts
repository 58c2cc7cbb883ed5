// DNS over TLS (RFC 7858): one kept connection per upstream, opened when asked for, its certificate always checked.

import { readFile } from 'node:fs/promises';
import type { SecureContext, TLSSocket } from 'node:tls';
import { FairleadError, messageOf } from '../base/errors.ts';
import { settle, type Done, type Exchange, type ExchangeOptions, type ExchangeResult } from './exchange.ts';
import { TlsConnection } from './tls-connection.ts';
import { upstreamText, type Upstream } from './upstream.ts';
import type { UpstreamQuery } from './upstream-query.ts';

/** A handshake that takes longer is given up, so that the next question starts another one. */
const HANDSHAKE_MS = 5000;

/** An exchange for upstreams with `tls`; its connections end with `signal`. */
export function tlsExchange(signal: AbortSignal): Exchange {
  const upstreams = new Map<string, TlsUpstream>();
  const contextOf = authorities();
  return (upstream, query, options) => {
    const key = `${upstreamText(upstream)} ${JSON.stringify(upstream.tls)}`;
    const known = upstreams.get(key) ?? new TlsUpstream(() => openSocket(upstream, contextOf, signal));
    upstreams.set(key, known);
    return known.ask(query, options);
  };
}

/** One question on its way: where it was sent last, and whether anybody still waits for it. */
interface Asking {
  readonly query: UpstreamQuery;
  readonly done: Done;
  sent:
    { readonly connection: TlsConnection; readonly answers: number; readonly forget: () => void } | undefined;
  isOver: boolean;
}

class TlsUpstream {
  readonly #open: () => Promise<TLSSocket>;
  #current: Promise<TlsConnection> | undefined;

  constructor(open: () => Promise<TLSSocket>) {
    this.#open = open;
  }

  async ask(query: UpstreamQuery, options: ExchangeOptions): Promise<ExchangeResult> {
    let asking: Asking | undefined;
    const end = (): void => {
      if (asking === undefined) return;
      asking.isOver = true;
      asking.sent?.forget();
    };
    const result = await settle(options, end, (done) => {
      asking = { query, done, sent: undefined, isOver: false };
      void this.#send(asking);
    });
    const sent = asking?.sent;
    // What lies in between may have forgotten the connection: the next question opens a new one.
    if (result.kind === 'timeout' && sent?.connection.answers === sent?.answers) sent?.connection.close();
    return result;
  }

  async #send(asking: Asking): Promise<void> {
    try {
      const connection = await (this.#current ??= this.#connect());
      if (asking.isOver) return;
      const { answers } = connection;
      const forget = connection.send(asking.query, asking.done, (because) => {
        // The server ended a connection that was good before, just as the question was on its way.
        if (answers > 0) void this.#send(asking);
        else asking.done({ kind: 'unreachable', because });
      });
      asking.sent = { connection, answers, forget };
    } catch (error) {
      asking.done({ kind: 'unreachable', because: messageOf(error) });
    }
  }

  async #connect(): Promise<TlsConnection> {
    try {
      return new TlsConnection(await this.#open(), () => (this.#current = undefined));
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }
}

/** Resolves after the handshake, so that no question is sent to whom has not shown who it is. */
async function openSocket(
  { ip, port, tls }: Upstream,
  contextOf: Authorities,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secureContext = await contextOf(tls?.caFile);
  // Loaded where somebody asks by TLS alone: it is megabytes for the others.
  const { connect } = process.getBuiltinModule('node:tls');
  const name = tls?.serverName === undefined ? {} : { servername: tls.serverName };
  const socket = connect({ host: ip, port, secureContext, ALPNProtocols: ['dot'], ...name });
  socket.setNoDelay(true);
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', onAbort));
  if (signal.aborted) onAbort();
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new FairleadError('unavailable', tlsError(error)));
    const tooLong = (): void => void socket.destroy(new Error('its handshake takes too long'));
    socket.setTimeout(HANDSHAKE_MS, tooLong);
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('it closed the connection')));
    socket.once('secureConnect', () => {
      socket.off('timeout', tooLong);
      resolve(socket);
    });
  });
}

type Authorities = (caFile: string | undefined) => Promise<SecureContext>;

/** Who is trusted: those of the file, read again each time, or those of the system, read once. */
function authorities(): Authorities {
  let system: SecureContext | undefined;
  return async (caFile) => {
    const { createSecureContext, getCACertificates } = process.getBuiltinModule('node:tls');
    if (caFile !== undefined) return createSecureContext({ ca: await readFile(caFile) });
    if (system !== undefined) return system;
    const known = getCACertificates('system');
    system = createSecureContext({ ca: known.length > 0 ? known : getCACertificates('bundled') });
    return system;
  };
}

/** What is wrong and with whom, by OpenSSL's codes: its texts alone lead nobody to the remedy. */
function tlsError(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name: ${messageOf(error)}`;
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `its certificate is signed by no authority that is trusted here: ${messageOf(error)}`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it speaks no TLS at this port';
    default:
      return messageOf(error);
  }
}
