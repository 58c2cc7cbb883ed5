// HTTP of the agent: /status, /metrics, /healthz, /readyz, /plan, /service, /denied, /connections, /names, /kernel-name on its unix socket; all but the last six
// by TCP too where configured.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import path from 'node:path';
import type { Registry } from 'prom-client';
import { hasCode, messageOf } from '../base/errors.ts';
import { closeHttp, listenHttp } from '../sys/http-server.ts';
import type { AgentContext } from './agent-context.ts';
import type { DeniedConnection } from './denied-connections.ts';
import type { KernelName } from './kernel-name.ts';
import type { LearnedName } from './name-learner.ts';
import type { SeenConnections } from './seen-connections.ts';
import type { ServiceReceipt } from './service-receipt.ts';
import type { AgentStatus } from './status.ts';

export interface AgentServerParts {
  readonly metrics: Registry;
  readonly status: () => AgentStatus;
  readonly plan: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly denied: () => readonly DeniedConnection[];
  readonly connections: () => Promise<SeenConnections>;
  readonly names: () => readonly LearnedName[];
  readonly kernelName: (name: string) => KernelName;
  readonly service: (
    of: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ) => Promise<ServiceReceipt>;
}

/** Whoever asks and does not read holds a connection only this long. */
const REQUEST_TIMEOUT_MS = 10_000;
const BOUNDS = { requestTimeout: REQUEST_TIMEOUT_MS, maxConnections: 64 };

/** Serves until the lifetime ends. */
export async function startAgentServer(context: AgentContext, parts: AgentServerParts): Promise<void> {
  const { config, lifetime } = context;
  mkdirSync(path.dirname(config.agentSocket), { recursive: true, mode: 0o700 });
  // What a killed agent left behind; a living one holds the node's lease file, so that this one has not come here.
  rmSync(config.agentSocket, { force: true });
  const local = answer(context, {
    ...routesOf(parts),
    '/plan': planRoute(context, parts),
    '/service': serviceRoute(context, parts),
    '/denied': () => json(parts.denied()),
    '/connections': async () => json(await parts.connections()),
    '/names': () => json(parts.names()),
    '/kernel-name': kernelNameRoute(parts),
  });
  lifetime.own('agent socket', await listenHttp(local, { path: config.agentSocket }, BOUNDS), closeHttp);
  chmodSync(config.agentSocket, 0o600);
  if (config.metrics === undefined) return;
  const remote = answer(context, routesOf(parts));
  const { host, port } = config.metrics;
  lifetime.own('metrics socket', await listenHttp(remote, { host, port }, BOUNDS), closeHttp);
}

interface Reply {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

type Route = (query: URLSearchParams) => Promise<Reply> | Reply;

function routesOf({ metrics, status }: AgentServerParts): Readonly<Record<string, Route>> {
  return {
    '/healthz': () => text(200, 'ok\n'),
    '/readyz': () => {
      const { isReady, waitingFor } = status();
      return isReady ? text(200, 'ok\n') : text(503, `waiting for ${waitingFor.join(', ')}\n`);
    },
    '/status': () => json(status()),
    '/metrics': async () => ({ code: 200, type: metrics.contentType, body: await metrics.metrics() }),
  };
}

/** A plan observes the whole kernel state, which a stranger must not make us do. */
function planRoute({ lifetime }: AgentContext, { plan }: AgentServerParts): Route {
  return async () => {
    const signal = AbortSignal.any([lifetime.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    return text(200, (await plan(signal)).map((line) => `${line}\n`).join(''));
  };
}

/** `?namespace=&name=`: like a plan it observes. */
function serviceRoute({ lifetime }: AgentContext, { service }: AgentServerParts): Route {
  return async (query) => {
    const [namespace, name] = [query.get('namespace'), query.get('name')];
    if (namespace === null || name === null) return text(400, 'namespace and name are needed\n');
    const signal = AbortSignal.any([lifetime.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    return json(await service({ namespace, name }, signal));
  };
}

/** `?name=` */
function kernelNameRoute({ kernelName }: AgentServerParts): Route {
  return (query) => {
    try {
      return json(kernelName(query.get('name') ?? ''));
    } catch (error) {
      if (!hasCode(error, 'invalid')) throw error;
      return text(400, `${messageOf(error)}\n`);
    }
  };
}

function text(code: number, body: string): Reply {
  return { code, type: 'text/plain; charset=utf-8', body };
}

function json(value: unknown): Reply {
  return { code: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function answer({ log }: AgentContext, routes: Readonly<Record<string, Route>>): RequestListener {
  return (request, response) => {
    const [where = '', query = ''] = (request.url ?? '').split('?');
    const route = Object.hasOwn(routes, where) ? routes[where] : undefined;
    if (route === undefined) return send(response, text(404, `no ${where} here\n`));
    if (request.method !== 'GET') return send(response, text(405, 'only GET\n'));
    Promise.resolve()
      .then(() => route(new URLSearchParams(query)))
      .then(
        (reply) => send(response, reply),
        (err: unknown) => {
          log.error({ err }, `Cannot answer ${where}: ${messageOf(err)}`);
          send(response, text(500, `${messageOf(err)}\n`));
        },
      );
  };
}

function send(response: ServerResponse, { code, type, body }: Reply): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
