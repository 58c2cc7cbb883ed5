// From a request to its answer: open paths, discovery, OpenAPI, resources. Everything but the open paths needs a user.

import type { ApiContext } from './context.ts';
import { discoveryReply } from './discovery.ts';
import { openApiReply } from './openapi/openapi.ts';
import { jsonReply, textReply, type ApiRequest, type Reply } from './request.ts';
import { handleResource } from './resource-routes.ts';
import { methodNotAllowed, pathNotFound } from './status-error.ts';
import { targetOf } from './target.ts';
import { versionInfo } from './version.ts';

const HEALTH = /^\/(healthz|livez|readyz)(\/[\w-]+)?$/;

/** The answer to a request that needs no credentials, undefined where it does. */
export function openReply({ path, method, query }: ApiRequest): Reply | undefined {
  if (path !== '/version' && !HEALTH.test(path)) return undefined;
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed();
  if (path === '/version') return jsonReply(200, versionInfo());
  const name = path.slice(1).split('/')[0] ?? '';
  return textReply(200, query.has('verbose') ? `[+]ping ok\n[+]store ok\n${name} check passed\n` : 'ok');
}

/** The answer to an authenticated request; throws StatusError. */
export function routeRequest(context: ApiContext, request: ApiRequest): Promise<Reply> | Reply {
  const target = targetOf(request.path, context.kinds);
  if (target !== undefined) return handleResource(context, request, target);
  if (request.path === '/')
    return jsonReply(200, {
      paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
    });
  const reply = discoveryReply(request, context.kinds) ?? openApiReply(request, context.kinds);
  if (reply === undefined) throw pathNotFound();
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  return reply;
}
