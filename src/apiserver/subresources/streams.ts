// exec, attach and port-forward: the server checks what the request means and hands the handshake on to the kubelet part; behind it bytes
// pass untouched, whichever protocol they speak (WebSocket or SPDY/3.1).

import http from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import { objectOf, scalarText } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { ApiContext } from '../context.ts';
import { storedOf } from '../reads/read.ts';
import type { ApiRequest, ObjectTarget } from '../http/request.ts';
import { badRequest, StatusError, unavailable } from '../http/status-error.ts';
import { assignedContainerOf, checkAssigned, chosen, kubeletPath, textBody } from './kubelet.ts';

/** Gives the path of the call on the kubelet part; throws where the pod is not in a state for it. */
type KubeletCall = (pod: KubeObject, request: ApiRequest, target: ObjectTarget) => string;

const STREAM_FLAGS = ['stdin', 'stdout', 'stderr', 'tty'];

const CALLS: Readonly<Record<string, KubeletCall>> = {
  exec: (pod, request, target) => {
    const container = assignedContainerOf(pod, request.query.get('container'));
    refuseCompleted(pod, 'exec into');
    const options = chosen(request.query, { values: ['command'], flags: STREAM_FLAGS });
    return `${kubeletPath('exec', target, container)}?${options}`;
  },
  attach: (pod, request, target) => {
    const container = assignedContainerOf(pod, request.query.get('container'));
    refuseCompleted(pod, 'attach');
    const options = chosen(request.query, { values: [], flags: STREAM_FLAGS });
    return `${kubeletPath('attach', target, container)}?${options}`;
  },
  portforward: (pod, { query }, target) => {
    checkAssigned(pod);
    // SPDY names ports stream by stream; the channels of a WebSocket are of the ports named here.
    const ports = query.getAll('ports').map((port) => ['port', port]);
    const path = kubeletPath('portForward', target);
    return ports.length === 0 ? path : `${path}?${new URLSearchParams(ports).toString()}`;
  },
};

/** Subresources of pods that are spoken with over an upgraded connection. */
export const STREAMS: readonly string[] = Object.keys(CALLS);

/** The handshakes that are handed on: what is asked, and by which headers each side speaks. */
const HANDSHAKES: Readonly<
  Record<string, { readonly asked: readonly string[]; readonly answered: readonly string[] }>
> = {
  websocket: {
    asked: ['sec-websocket-version', 'sec-websocket-key', 'sec-websocket-protocol'],
    answered: ['sec-websocket-accept', 'sec-websocket-protocol'],
  },
  'spdy/3.1': { asked: ['x-stream-protocol-version'], answered: ['x-stream-protocol-version'] },
};
/** How long a client may take to read the rest and to hang up, once the kubelet part has. */
const LINGER_MS = 30_000;
const ENDED = 'the kubelet ended the connection';

export interface Upgrade {
  readonly request: ApiRequest;
  readonly socket: Duplex;
  /** Bytes that came with the request's head. */
  readonly head: Buffer;
}

/** Resolves when both sides have hung up; throws before anything is written where the call cannot be. */
export function proxyStream(context: ApiContext, upgrade: Upgrade, target: ObjectTarget): Promise<void> {
  const { request } = upgrade;
  const call = CALLS[target.subresource ?? ''];
  if (call === undefined) throw badRequest('this path cannot be upgraded');
  const protocol = scalarText(request.headers['upgrade']).toLowerCase();
  if (!Object.hasOwn(HANDSHAKES, protocol)) throw upgradeRequired(target.subresource ?? '');
  const pod = storedOf(context, target).object;
  return pass(context, call(pod, request, target), { ...upgrade, protocol });
}

/** A request for a stream that asks for no upgrade, or for one that is not known. */
export function upgradeRequired(subresource: string): StatusError {
  return badRequest(`Upgrade request required: ${subresource} is served over WebSocket and SPDY/3.1`);
}

function refuseCompleted(pod: KubeObject, what: string): void {
  const { phase } = objectOf(pod['status']);
  if (phase !== 'Succeeded' && phase !== 'Failed') return;
  throw badRequest(`cannot ${what} a container in a completed pod; current phase is ${phase}`);
}

/** A WebSocket's key is the client's own: the kubelet part answers it, and frames pass as they are. */
function pass(
  context: ApiContext,
  path: string,
  { request, socket, head, protocol }: Upgrade & { readonly protocol: string },
): Promise<void> {
  const { asked = [], answered = [] } = HANDSHAKES[protocol] ?? {};
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      socketPath: context.config.kubeletSocket,
      path,
      method: request.method,
      headers: { connection: 'Upgrade', upgrade: protocol, ...present(request.headers, asked) },
      agent: false,
    });
    socket.once('close', () => void outgoing.destroy());
    outgoing.on('error', (error) =>
      reject(unavailable(`the kubelet cannot be reached: ${messageOf(error)}`)),
    );
    outgoing.on('response', (response) => {
      void textBody(response).then(
        (text) => reject(refusal(response.statusCode ?? 500, text || ENDED)),
        reject,
      );
    });
    outgoing.on('upgrade', (response, kubelet, kubeletHead) => {
      socket.write(handshake(protocol, present(response.headers, answered)));
      socket.write(kubeletHead);
      kubelet.write(head);
      join(socket, kubelet, resolve);
    });
    outgoing.end();
  });
}

function present(headers: http.IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  const pairs = names.map((name) => [name, headers[name]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

function refusal(code: number, text: string): StatusError {
  return new StatusError(
    code,
    code === 403 ? 'Forbidden' : code === 400 ? 'BadRequest' : 'InternalError',
    text,
  );
}

function handshake(protocol: string, headers: Readonly<Record<string, string>>): string {
  const upgrade = protocol === 'websocket' ? protocol : protocol.toUpperCase();
  const lines = ['HTTP/1.1 101 Switching Protocols', `Upgrade: ${upgrade}`, 'Connection: Upgrade'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The kubelet part ends a session, and its last words must still reach the client; a client that goes ends it at once. */
function join(client: Duplex, kubelet: Duplex, done: () => void): void {
  client.on('error', () => client.destroy());
  kubelet.on('error', () => kubelet.destroy());
  client.on('close', () => {
    kubelet.destroy();
    done();
  });
  kubelet.on('close', () => {
    if (client.destroyed) return;
    client.unpipe(kubelet);
    client.end();
    // Unread bytes would make a reset of the end.
    client.resume();
    const timer = setTimeout(() => client.destroy(), LINGER_MS);
    client.on('close', () => clearTimeout(timer));
  });
  client.pipe(kubelet);
  kubelet.pipe(client);
}
