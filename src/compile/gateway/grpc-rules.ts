// A GRPCRoute in the form of an HTTPRoute: calls are POST requests to "/service/method" (gRPC over HTTP/2, "Requests").

import type { GrpcMatch, GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { PathMatch } from '../../objects/gateway-api/http-route.ts';
import type { HttpLikeRoute, HttpLikeRule } from './http-rules.ts';

export function asHttpRoute(route: GrpcRoute): HttpLikeRoute {
  return {
    ...route,
    kind: 'GRPCRoute',
    rules: route.rules.map((rule) => ({
      ...rule,
      matches: rule.matches.map(asHttpMatch),
      timeouts: { requestMs: undefined, backendRequestMs: undefined },
      retry: undefined,
    })),
  };
}

function asHttpMatch({ method, headers }: GrpcMatch): HttpLikeRule['matches'][number] {
  const isMethodOnly = method !== undefined && method.service === undefined;
  return { path: pathOf(method), headers, query: [], method: undefined, isMethodOnly };
}

function pathOf(method: GrpcMatch['method']): PathMatch {
  if (method === undefined) return { type: 'prefix', value: '/' };
  const { type, service, method: name } = method;
  if (type === 'exact') {
    if (service === undefined) return { type: 'regex', value: `/[^/]+/${escaped(name ?? '')}` };
    if (name === undefined) return { type: 'prefix', value: `/${service}` };
    return { type: 'exact', value: `/${service}/${name}` };
  }
  return { type: 'regex', value: `/(?:${service ?? '[^/]+'})/(?:${name ?? '[^/]+'})` };
}

function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]/g, (it) => `\\${it}`);
}
