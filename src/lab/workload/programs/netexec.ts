// agnhost netexec: an HTTP and UDP server that says who it is, who asks, and asks others on request. Endpoints and answers as
// the Kubernetes end-to-end tests expect them (test/images/agnhost/README.md).

import http from 'node:http';
import type net from 'node:net';
import { messageOf } from '../../../base/errors.ts';
import { numberFlag, parseFlags } from '../flags.ts';
import { parseGoDuration } from '../go-duration.ts';
import { sendJson, sendText, urlOf, type HttpHandler } from '../http-face.ts';
import { formatPeer } from '../pod-net.ts';
import type { ProgramContext } from '../program.ts';
import { sleepUntilAbort } from '../sleep-until-abort.ts';

const DIAL_TIMEOUT_MS = 5000;
const MAX_TRIES = 1000;

type Endpoint = (
  context: ProgramContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
) => void;

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/': (_context, _request, response) => sendText(response, 200, `NOW: ${new Date().toISOString()}`),
  '/clientip': (_context, request, response) => sendText(response, 200, peerOf(request)),
  '/dial': (context, request, response) => void dial(context, request, response),
  '/echo': echo,
  '/exit': (context, request, response) => void exit(context, request, response),
  '/header': (_context, request, response) => sendText(response, 200, headerOf(request)),
  '/healthz': (_context, _request, response) => sendText(response, 200, ''),
  '/hostname': hostname,
  '/hostName': hostname,
  '/redirect': redirect,
  '/serverport': (_context, request, response) =>
    sendText(response, 200, String(request.socket.localPort ?? 0)),
  '/shell': (_context, _request, response) =>
    sendJson(response, 417, {
      error: 'a stand-in has no shell: use exec, or the annotation for host programs',
    }),
  '/shutdown': (context) => context.exit(0),
};

/** Serves until it is stopped; `--http-port` (8080), `--udp-port` (8081, -1 for none). */
export async function netexec(context: ProgramContext, args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const httpPort = numberFlag(flags, 'http-port', 8080);
  const udpPort = numberFlag(flags, 'udp-port', 8081);
  const handler = handlerOf(context, flags.values.get('http-override'));
  await context.net.listenTcp(httpPort, (socket) => context.http.serve(socket, handler));
  context.log(`Started HTTP server on port ${httpPort}`, 'stderr');
  if (udpPort === -1) return;
  await context.net.bindUdp(udpPort, (data, peer, reply) => {
    answerUdp(context, data.toString('utf8'), { from: formatPeer(peer.address, peer.port), reply });
  });
  context.log(`Started UDP server on port ${udpPort}`, 'stderr');
}

function handlerOf(context: ProgramContext, override: string | undefined): HttpHandler {
  return (request, response) => {
    if (override !== undefined) request.url = override;
    const endpoint = ENDPOINTS[urlOf(request).pathname] ?? ENDPOINTS['/'];
    context.log(`${request.method ?? 'GET'} ${request.url ?? '/'} from ${peerOf(request)}`, 'stderr');
    endpoint?.(context, request, response);
  };
}

function peerOf(request: http.IncomingMessage): string {
  return formatPeer(request.socket.remoteAddress, request.socket.remotePort);
}

function hostname(
  context: ProgramContext,
  _request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  sendText(response, 200, context.spec.facts.hostname);
}

function headerOf(request: http.IncomingMessage): string {
  const value = request.headers[(urlOf(request).searchParams.get('key') ?? '').toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

function echo(_context: ProgramContext, request: http.IncomingMessage, response: http.ServerResponse): void {
  const query = urlOf(request).searchParams;
  const code = query.get('code') ?? '';
  const status = statusOf(code, 200);
  if (status === undefined) {
    sendText(response, 200, `argument 'code' must be an integer or empty, got "${code}"\n`);
    return;
  }
  sendText(response, status, query.get('msg') ?? '');
}

function redirect(
  _context: ProgramContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void {
  const query = urlOf(request).searchParams;
  const location = (query.get('location') ?? '').replaceAll(/[\r\n]/g, '');
  const status = statusOf(query.get('code') ?? '', 302) ?? 302;
  response.writeHead(status, { location: encodeURI(decodeSafely(location)) }).end();
}

function decodeSafely(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text; // Not encoded properly: sent as it came.
  }
}

/** A status that HTTP allows; undefined for what is none. */
function statusOf(text: string, fallback: number): number | undefined {
  if (text === '') return fallback;
  const status = Number(text);
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : undefined;
}

async function exit(
  context: ProgramContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const query = urlOf(request).searchParams;
  const waitMs = parseGoDuration(query.get('wait') ?? '0');
  const timeoutMs = parseGoDuration(query.get('timeout') ?? '0');
  const code = Number(query.get('code') ?? '0');
  if (waitMs === undefined || timeoutMs === undefined || !Number.isInteger(code) || code < 0 || code > 127) {
    sendText(response, 200, "arguments 'wait' and 'timeout' must be durations, 'code' an integer [0-127]\n");
    return;
  }
  await sleepUntilAbort(waitMs, context.signal);
  // With a time-out open requests may end first; this one is the least of them.
  if (timeoutMs > 0) response.end();
  context.exit(code);
}

async function dial(
  context: ProgramContext,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const query = urlOf(request).searchParams;
  const [host, port] = [query.get('host') ?? '', Number(query.get('port'))];
  const protocol = (query.get('protocol') ?? '').toLowerCase() || 'http';
  const what = query.get('request') ?? '';
  const tries = Number(query.get('tries') ?? '1');
  if (!Number.isInteger(tries) || tries < 0 || tries > MAX_TRIES)
    return sendText(response, 400, `tries parameter is invalid. ${query.get('tries')}\n`);
  if (what === '') return sendText(response, 400, 'request parameter not specified. <nil>\n');
  if (!['http', 'udp'].includes(protocol))
    return sendText(response, 400, `unsupported protocol. ${protocol}\n`);
  const results = await dialTimes(context, { host, port, protocol, what }, tries);
  // Upstream answers 200 whatever happened and leaves empty lists out.
  sendText(response, 200, JSON.stringify(results));
}

interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  readonly what: string;
}

async function dialTimes(
  context: ProgramContext,
  target: DialTarget,
  tries: number,
): Promise<{ responses?: string[]; errors?: string[] }> {
  const responses: string[] = [];
  const errors: string[] = [];
  for (let i = 0; i < tries && !context.signal.aborted; i++) {
    try {
      responses.push(await dialOnce(context, target));
    } catch (error) {
      errors.push(messageOf(error));
    }
  }
  return { ...(responses.length > 0 && { responses }), ...(errors.length > 0 && { errors }) };
}

async function dialOnce(context: ProgramContext, target: DialTarget): Promise<string> {
  const { host, port, what } = target;
  if (target.protocol === 'udp') {
    return (await context.net.askUdp(host, port, Buffer.from(what), DIAL_TIMEOUT_MS)).toString('utf8');
  }
  const socket = await context.net.dialTcp(host, port, DIAL_TIMEOUT_MS);
  try {
    return await httpGet(socket, `${host.includes(':') ? `[${host}]` : host}:${port}`, `/${what}`);
  } finally {
    socket.destroy();
  }
}

function httpGet(socket: net.Socket, host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        createConnection: () => socket,
        path: encodeURI(path),
        headers: { host, connection: 'close' },
        signal: AbortSignal.timeout(DIAL_TIMEOUT_MS),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

function answerUdp(
  context: ProgramContext,
  text: string,
  peer: { readonly from: string; readonly reply: (data: Uint8Array) => void },
): void {
  const command = text.trim();
  const name = command.toLowerCase();
  context.log(`UDP "${command.slice(0, 100)}" from ${peer.from}`, 'stderr');
  if (name === 'hostname') peer.reply(Buffer.from(context.spec.facts.hostname));
  else if (name.startsWith('echo ')) peer.reply(Buffer.from(command.slice(5)));
  else if (name === 'clientip') peer.reply(Buffer.from(peer.from));
}
