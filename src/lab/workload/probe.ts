// Network probes as a kubelet makes them, from the namespace that this process lives in (the node's): TCP connect, HTTP
// request, gRPC health check. They know nothing of pods.

import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { grpcHealthRequest, parseGrpcHealthAnswer } from './grpc-health.ts';
import { probeFailure } from './probe-failure.ts';
import type { ProbeAnswer, ProbeRequest } from './workload-spec.ts';

/** What of a body a kubelet reads at most. */
const MAX_BODY_BYTES = 10 * 1024;

/** One probe; a failure of any kind is an answer, not an error. */
export async function runProbe(request: ProbeRequest): Promise<ProbeAnswer> {
  const signal = AbortSignal.timeout(request.timeoutMs);
  try {
    if (request.kind === 'tcp') return await probeTcp(request, signal);
    if (request.kind === 'http') return await probeHttp(request, signal);
    return await probeGrpc(request, signal);
  } catch (error) {
    return { isSuccess: false, message: probeFailure(request, error, signal.aborted) };
  }
}

function probeTcp(
  request: Extract<ProbeRequest, { kind: 'tcp' }>,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: request.host, port: request.port, signal });
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.destroy();
      resolve({ isSuccess: true, message: '' });
    });
  });
}

function probeHttp(
  request: Extract<ProbeRequest, { kind: 'http' }>,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/fairlead', accept: '*/*' };
  for (const [name, value] of request.headers) headers[name.toLowerCase()] = value;
  const options = {
    host: request.host,
    port: request.port,
    path: request.path === '' ? '/' : request.path,
    headers,
    signal,
    agent: false,
    // Probes do not check certificates (Kubernetes documentation, "HTTP probes").
    rejectUnauthorized: false,
  } as const;
  return new Promise((resolve, reject) => {
    const onResponse = (response: http.IncomingMessage): void => {
      let readBytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        readBytes += chunk.length;
        if (readBytes > MAX_BODY_BYTES) response.destroy();
      });
      response.on('close', () => resolve(judgeHttp(response.statusCode ?? 0)));
    };
    const sent =
      request.scheme === 'HTTPS' ? https.request(options, onResponse) : http.request(options, onResponse);
    sent.on('error', reject);
    sent.end();
  });
}

/** 200 to 399 is success; a redirect elsewhere counts as one, like the kubelet's warning result. */
function judgeHttp(status: number): ProbeAnswer {
  const isSuccess = status >= 200 && status < 400;
  return { isSuccess, message: isSuccess ? '' : `HTTP probe failed with statuscode: ${status}` };
}

async function probeGrpc(
  request: Extract<ProbeRequest, { kind: 'grpc' }>,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const host = request.host.includes(':') ? `[${request.host}]` : request.host;
  const session = http2.connect(`http://${host}:${request.port}`);
  signal.addEventListener('abort', () => session.destroy(new Error('timed out')), { once: true });
  try {
    const body = await grpcCall(session, request.service);
    const status = parseGrpcHealthAnswer(body);
    const isSuccess = status === 'SERVING';
    return { isSuccess, message: isSuccess ? '' : `service unhealthy (responded with "${status}")` };
  } finally {
    session.destroy();
  }
}

function grpcCall(session: http2.ClientHttp2Session, service: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let grpcStatus = '';
    const note = (headers: http2.IncomingHttpHeaders): void => {
      const value = headers['grpc-status'];
      if (typeof value === 'string') grpcStatus = value;
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', reject);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      if (grpcStatus === '0') resolve(Buffer.concat(chunks));
      else reject(new Error(`gRPC status ${grpcStatus === '' ? 'missing' : grpcStatus}`));
    });
    stream.end(grpcHealthRequest(service));
  });
}
