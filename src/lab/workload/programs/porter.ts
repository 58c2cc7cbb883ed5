// agnhost porter: serves the value of every variable SERVE_PORT_<n>, SERVE_TCP_PORT_<n>, SERVE_UDP_PORT_<n> and
// SERVE_TLS_PORT_<n> on port n.

import { readFile } from 'node:fs/promises';
import type net from 'node:net';
import tls from 'node:tls';
import { boolFlag, parseFlags } from '../flags.ts';
import { sendText, type HttpHandler } from '../http-face.ts';
import type { ProgramContext } from '../program.ts';
import { hostPathOf } from '../host-path-of.ts';

/** `--json-response` wraps the value and the request's method in JSON. */
export async function porter(context: ProgramContext, args: readonly string[]): Promise<void> {
  const isJson = boolFlag(parseFlags(args, ['json-response']), 'json-response', false);
  for (const [name, value] of Object.entries(context.spec.env)) {
    const match = /^SERVE_(TCP_|UDP_|TLS_|SCTP_)?PORT_(\d+)$/.exec(name);
    if (match === null) continue;
    const port = Number(match[2]);
    const handler = handlerOf(value, isJson);
    if (match[1] === 'UDP_')
      await context.net.bindUdp(port, (_data, _peer, reply) => reply(Buffer.from(value)));
    else if (match[1] === 'TLS_') await serveTls(context, port, handler);
    else if (match[1] === 'SCTP_') context.log(`${name} is not served: SCTP is not supported`, 'stderr');
    else await context.net.listenTcp(port, (socket) => context.http.serve(socket, handler));
    context.log(`serving port ${port} (${name})`, 'stderr');
  }
}

function handlerOf(value: string, isJson: boolean): HttpHandler {
  return (request, response) => {
    request.resume();
    if (!isJson) return sendText(response, 200, value);
    const body = JSON.stringify({ Method: request.method ?? '', Body: value });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  };
}

/** The certificate comes from CERT_FILE and KEY_FILE in a mounted volume. */
async function serveTls(context: ProgramContext, port: number, handler: HttpHandler): Promise<void> {
  const { env, mounts } = context.spec;
  const cert = await readFile(hostPathOf(mounts, env['CERT_FILE'] ?? '/localhost.crt'));
  const key = await readFile(hostPathOf(mounts, env['KEY_FILE'] ?? '/localhost.key'));
  const secureContext = tls.createSecureContext({ cert, key });
  await context.net.listenTcp(port, (socket: net.Socket) => {
    const secured = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secured.on('error', () => socket.destroy());
    context.http.serve(secured, handler);
  });
}
