// The small commands of agnhost: what a container's files and arguments say, and servers of a few lines.

import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import { parseResolvConf } from '../../resolv-conf.ts';
import { numberFlag, parseFlags } from '../flags.ts';
import { parseGoDuration } from '../go-duration.ts';
import { grpcHealthAnswer } from '../grpc-health.ts';
import { sendText } from '../http-face.ts';
import type { ProgramContext } from '../program.ts';
import { sleepUntilAbort } from '../sleep-until-abort.ts';

/** Search domains with commas. */
export async function dnsSuffix(context: ProgramContext): Promise<void> {
  const conf = parseResolvConf(await readFile(context.spec.resolvConf, 'utf8'));
  finish(context, conf.searches.join(','));
}

/** Nameservers with commas. */
export async function dnsServerList(context: ProgramContext): Promise<void> {
  const conf = parseResolvConf(await readFile(context.spec.resolvConf, 'utf8'));
  finish(context, conf.nameservers.join(','));
}

export async function etcHosts(context: ProgramContext): Promise<void> {
  finish(context, (await readFile(context.spec.hosts, 'utf8')).trimEnd());
}

export function entrypointTester(context: ProgramContext, args: readonly string[]): Promise<void> {
  finish(context, `[/agnhost entrypoint-tester ${args.join(' ')}]`);
  return Promise.resolve();
}

/** Healthy for ten seconds, then never again; on port 8080. */
export function liveness(context: ProgramContext): Promise<void> {
  const startedMs = Date.now();
  return context.net.listenTcp(8080, (socket) => {
    context.http.serve(socket, (request, response) => {
      request.resume();
      const ageS = (Date.now() - startedMs) / 1000;
      if (ageS > 10) sendText(response, 500, `error: ${ageS}`);
      else sendText(response, 200, 'ok');
    });
  });
}

/** Takes one byte and closes: what came beyond it makes the kernel send a reset. `--port` (8080). */
export function tcpReset(context: ProgramContext, args: readonly string[]): Promise<void> {
  return context.net.listenTcp(numberFlag(parseFlags(args), 'port', 8080), (socket) => {
    socket.once('data', (data: Buffer) => {
      if (data.length > 1) socket.resetAndDestroy();
      else socket.end();
    });
  });
}

/** `--log-lines-total` lines spread evenly over `--run-duration`. */
export function logsGenerator(context: ProgramContext, args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const total = numberFlag(flags, 'log-lines-total', numberFlag(flags, 't', 0));
  const duration = flags.values.get('run-duration') ?? flags.values.get('d') ?? '0';
  const pauseMs = (parseGoDuration(duration) ?? 0) / Math.max(1, total);
  void generate(context, total, pauseMs);
  return Promise.resolve();
}

const METHODS = ['GET', 'PUT', 'POST'] as const;
const NAMESPACES = ['default', 'kube-system', 'ns'] as const;

async function generate(context: ProgramContext, total: number, pauseMs: number): Promise<void> {
  const startMs = Date.now();
  for (let id = 0; id < total && !context.signal.aborted; id++) {
    const dueMs = startMs + id * pauseMs - Date.now();
    // A line that is late is written at once; the loop still lets others run now and then.
    if (dueMs >= 1 || id % 1000 === 999) await sleepUntilAbort(Math.max(0, dueMs), context.signal);
    const method = METHODS[id % METHODS.length];
    const namespace = NAMESPACES[id % NAMESPACES.length];
    const random = Math.random().toString(36).slice(2, 6);
    const path = `/api/v1/namespaces/${namespace}/endpoints/${random}`;
    context.log(`${new Date().toISOString()} ${id} ${method} ${path} ${200 + (id % 400)}`);
  }
  if (!context.signal.aborted) context.exit(0);
}

/** gRPC health on `--port` (5000); `--http-port` (8080) switches it by /make-serving and /make-not-serving. */
export async function grpcHealthChecking(context: ProgramContext, args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const service = flags.values.get('service') ?? '';
  const delayS = numberFlag(flags, 'delay-unhealthy-sec', -1);
  const startedMs = Date.now();
  let isServing = delayS !== 0;
  const status = (): 'SERVING' | 'NOT_SERVING' =>
    isServing && (delayS < 0 || Date.now() - startedMs < delayS * 1000) ? 'SERVING' : 'NOT_SERVING';
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => stream.destroy());
    stream.resume();
    const isCheck = headers[':path'] === '/grpc.health.v1.Health/Check';
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': isCheck ? '0' : '12' }));
    stream.end(isCheck ? grpcHealthAnswer(status()) : undefined);
  });
  await context.net.listenTcp(numberFlag(flags, 'port', 5000), (socket) => server.emit('connection', socket));
  await context.net.listenTcp(numberFlag(flags, 'http-port', 8080), (socket) => {
    context.http.serve(socket, (request, response) => {
      request.resume();
      if (request.url === '/make-not-serving') isServing = false;
      if (request.url === '/make-serving') isServing = true;
      sendText(response, 200, `${service} ${status()}\n`);
    });
  });
}

function finish(context: ProgramContext, text: string): void {
  context.log(text);
  context.exit(0);
}
