// From a request that is allowed to its answer: health, discovery, OpenAPI, resources.

import type { ApiContext } from '../context.ts';
import { discoveryReply } from '../discovery.ts';
import { openApiReply } from '../openapi/openapi.ts';
import { jsonReply, textReply, type ApiRequest, type Reply, type Target } from './request.ts';
import { handleResource } from '../resource-routes.ts';
import { methodNotAllowed, pathNotFound } from './status-error.ts';
import { versionInfo } from '../version.ts';

const HEALTH = /^\/(healthz|livez|readyz)(\/[\w-]+)?$/;

/** The answer to a request that is allowed; throws StatusError. */
export function routeRequest(
  context: ApiContext,
  request: ApiRequest,
  target: Target | undefined,
): Promise<Reply> | Reply {
  if (target !== undefined) return handleResource(context, request, target);
  const { kinds } = context;
  const reply = pathReply(request) ?? discoveryReply(request, kinds) ?? openApiReply(request, kinds);
  if (reply === undefined) throw pathNotFound();
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  return reply;
}

function pathReply({ path, query }: ApiRequest): Reply | undefined {
  if (path === '/version') return jsonReply(200, versionInfo());
  if (path === '/')
    return jsonReply(200, {
      paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
    });
  if (!HEALTH.test(path)) return undefined;
  const name = path.slice(1).split('/')[0] ?? '';
  return textReply(200, query.has('verbose') ? `[+]ping ok\n[+]store ok\n${name} check passed\n` : 'ok');
}
