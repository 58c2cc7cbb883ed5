// Logs and exec: the server finds the pod and its container, the kubelet part does the work; bytes are passed both ways.

import http from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import { scalarText, listOf, objectOf, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { ApiContext } from '../context.ts';
import { storedOf } from '../read.ts';
import type { ApiRequest, ObjectTarget, ReplySink, StreamReply } from '../request.ts';
import { badRequest, StatusError, unavailable } from '../status-error.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';
const LOG_OPTIONS = [
  'follow',
  'tailLines',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'previous',
  'limitBytes',
];
const EXEC_OPTIONS = ['command', 'stdin', 'stdout', 'stderr', 'tty'];
const ENDED = 'the kubelet ended the connection';

/** The stream of a container's log; throws 400 for an unknown container or one that never started, 503 without a kubelet. */
export async function streamLog(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<StreamReply> {
  const pod = storedOf(context, target).object;
  const container = containerOf(pod, request.query.get('container'));
  if (textOf(objectOf(pod['spec'])['nodeName']) === undefined) {
    throw badRequest(`pod ${target.name} does not have a host assigned`);
  }
  const path = kubeletPath('containerLogs', target, container);
  const response = await open(context, `${path}?${chosen(request.query, LOG_OPTIONS)}`, request.signal);
  if (response.statusCode !== 200) throw badRequest(await textBody(response));
  return { kind: 'stream', contentType: 'text/plain', run: (sink) => copy(response, sink) };
}

async function copy(response: http.IncomingMessage, sink: ReplySink): Promise<void> {
  sink.signal.addEventListener('abort', () => response.destroy(), { once: true });
  try {
    for await (const chunk of response) {
      sink.write(chunk as Buffer);
      await sink.drained();
      if (sink.signal.aborted) return;
    }
  } catch {
    // A kubelet that goes away in the middle must not look like the log's end.
    if (!sink.signal.aborted) sink.destroy();
  }
}

function open(context: ApiContext, path: string, signal: AbortSignal): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { kubeletSocket } = context.config;
    const request = http.get({ socketPath: kubeletSocket, path, signal, agent: false }, resolve);
    request.on('error', (error) => reject(unavailable(`the kubelet cannot be reached: ${messageOf(error)}`)));
  });
}

const MAX_ERROR_BYTES = 16_384;

async function textBody(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > MAX_ERROR_BYTES) response.destroy();
  }
  return text.trim();
}

function chosen(query: URLSearchParams, names: readonly string[]): string {
  return new URLSearchParams([...query].filter(([name]) => names.includes(name))).toString();
}

function kubeletPath(what: string, { namespace = '', name }: ObjectTarget, container: string): string {
  return `/${what}/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}`;
}

/** The container asked for, else the annotated one, else the first; throws 400 naming the choice where there is no such. */
function containerOf(pod: KubeObject, asked: string | null): string {
  const spec = objectOf(pod['spec']);
  const names = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) =>
    listOf(spec[list]).map((it) => textOf(objectOf(it)['name']) ?? ''),
  );
  const wanted = (asked ?? '') === '' ? (pod.metadata.annotations?.[DEFAULT_CONTAINER] ?? names[0]) : asked;
  if (wanted !== undefined && wanted !== null && names.includes(wanted)) return wanted;
  throw badRequest(`container ${scalarText(wanted).slice(0, 63)} is not valid for pod ${pod.metadata.name}`);
}

export interface Upgrade {
  readonly request: ApiRequest;
  readonly socket: Duplex;
  /** Bytes that came with the request's head. */
  readonly head: Buffer;
  readonly protocols: string;
  readonly key: string;
}

/** Passes an exec over WebSocket through to the kubelet; throws before anything is written where it cannot be. */
export function proxyExec(context: ApiContext, upgrade: Upgrade, target: ObjectTarget): Promise<void> {
  const { request } = upgrade;
  const pod = storedOf(context, target).object;
  const container = containerOf(pod, request.query.get('container'));
  if (textOf(objectOf(pod['spec'])['nodeName']) === undefined) {
    throw badRequest(`pod ${target.name} does not have a host assigned`);
  }
  const { phase } = objectOf(pod['status']);
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(
      `cannot exec into a container in a completed pod; current phase is ${scalarText(phase)}`,
    );
  }
  const path = kubeletPath('exec', target, container);
  return pass(context, `${path}?${chosen(request.query, EXEC_OPTIONS)}`, upgrade);
}

/** The handshake is the client's own, so its key is answered by the kubelet and frames pass untouched. */
function pass(context: ApiContext, path: string, { socket, head, protocols, key }: Upgrade): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      ...(protocols === '' ? {} : { 'sec-websocket-protocol': protocols }),
    };
    const outgoing = http.get({ socketPath: context.config.kubeletSocket, path, headers, agent: false });
    const onGone = (): void => void outgoing.destroy();
    socket.once('close', onGone);
    outgoing.on('error', (error) =>
      reject(unavailable(`the kubelet cannot be reached: ${messageOf(error)}`)),
    );
    outgoing.on('response', (response) => {
      void textBody(response).then(
        (text) => reject(new StatusError(response.statusCode ?? 500, 'InternalError', text || ENDED)),
        reject,
      );
    });
    outgoing.on('upgrade', (response, kubelet, kubeletHead) => {
      socket.write(handshake(response));
      socket.write(kubeletHead);
      kubelet.write(head);
      join(socket, kubelet, resolve);
    });
  });
}

function handshake({ headers }: http.IncomingMessage): string {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  for (const name of ['sec-websocket-accept', 'sec-websocket-protocol']) {
    const value = headers[name];
    if (typeof value === 'string') lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function join(client: Duplex, kubelet: Duplex, done: () => void): void {
  const end = (): void => {
    client.destroy();
    kubelet.destroy();
    done();
  };
  for (const side of [client, kubelet]) {
    side.on('error', end);
    side.on('close', end);
  }
  client.pipe(kubelet);
  kubelet.pipe(client);
}
