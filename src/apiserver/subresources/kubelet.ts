// Logs, and what all calls on the kubelet part share: the server finds the pod and its container, the kubelet part does the work.

import http from 'node:http';
import { messageOf } from '../../base/errors.ts';
import { scalarText, listOf, objectOf, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { ApiContext } from '../context.ts';
import { storedOf } from '../reads/read.ts';
import {
  hasFlag,
  type ApiRequest,
  type ObjectTarget,
  type ReplySink,
  type StreamReply,
} from '../http/request.ts';
import { badRequest, unavailable } from '../http/status-error.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';
const LOG_OPTIONS: CallOptions = {
  values: ['tailLines', 'sinceSeconds', 'sinceTime', 'limitBytes'],
  flags: ['follow', 'timestamps', 'previous'],
};

/** The stream of a container's log; throws 400 for an unknown container or one that never started, 503 without a kubelet. */
export async function streamLog(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<StreamReply> {
  const pod = storedOf(context, target).object;
  const container = assignedContainerOf(pod, request.query.get('container'));
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

/** The body of a refusal, cut where it is longer than any of ours. */
export async function textBody(response: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > MAX_ERROR_BYTES) response.destroy();
  }
  return text.trim();
}

/** What a call on the kubelet part takes from its query. */
export interface CallOptions {
  readonly values: readonly string[];
  readonly flags: readonly string[];
}

/** Only what the kubelet part knows goes to it; flags in one form, however the client writes them. */
export function chosen(query: URLSearchParams, { values, flags }: CallOptions): string {
  const pairs = [...query].filter(([name]) => values.includes(name));
  const set = flags.filter((name) => hasFlag(query, name)).map((name): [string, string] => [name, 'true']);
  return new URLSearchParams([...pairs, ...set]).toString();
}

/** The path of a call on the kubelet part's socket. */
export function kubeletPath(
  what: string,
  { namespace = '', name }: ObjectTarget,
  container?: string,
): string {
  const place = [namespace, name, ...(container === undefined ? [] : [container])];
  return `/${what}/${place.map(encodeURIComponent).join('/')}`;
}

/** As `containerOf`; throws 400 for a pod that no node has yet. */
export function assignedContainerOf(pod: KubeObject, asked: string | null): string {
  const container = containerOf(pod, asked);
  checkAssigned(pod);
  return container;
}

/** Throws 400 for a pod that no node has yet. */
export function checkAssigned(pod: KubeObject): void {
  if (textOf(objectOf(pod['spec'])['nodeName']) !== undefined) return;
  throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
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
