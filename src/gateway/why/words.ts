// What matches, filters and obstacles are called by people.

import type { HeaderChange, NamedMatch, ObjectRef, BackendRef } from '../../objects/gateway-api/common.ts';
import type { GrpcMatch, GrpcMethodMatch } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpFilter, HttpMatch, PathMatch, PathModifier } from '../../objects/gateway-api/http-route.ts';

export function pathText({ type, value }: PathMatch): string {
  const words = { exact: 'path', prefix: 'path prefix', regex: 'path like' } as const;
  return `${words[type]} ${value}`;
}

function namedText(what: string, { type, name, value }: NamedMatch): string {
  return `${what} ${name} ${type === 'exact' ? `"${value}"` : `like ${value}`}`;
}

export function callText({ type, service = '*', method = '*' }: GrpcMethodMatch): string {
  return `${type === 'exact' ? 'call' : 'call like'} ${service}/${method}`;
}

/** "path prefix /v2, GET, header x-version "v2"" */
export function matchText(match: HttpMatch | GrpcMatch): string {
  const headers = match.headers.map((it) => namedText('header', it));
  if (!('path' in match))
    return [match.method === undefined ? 'every call' : callText(match.method), ...headers].join(', ');
  const query = match.query.map((it) => namedText('parameter', it));
  return [
    pathText(match.path),
    ...(match.method === undefined ? [] : [match.method]),
    ...headers,
    ...query,
  ].join(', ');
}

export function refText({ group, kind, namespace, name }: ObjectRef): string {
  return `${kind}${group === '' ? '' : `.${group}`} ${namespace}/${name}`;
}

/** "Service shop/web:80" */
export function backendText(ref: BackendRef): string {
  return `${refText(ref)}${ref.port === undefined ? '' : `:${ref.port}`}`;
}

export function filterText(filter: HttpFilter): string {
  switch (filter.kind) {
    case 'request-headers':
      return `request headers: ${changeText(filter)}`;
    case 'response-headers':
      return `response headers: ${changeText(filter)}`;
    case 'mirror': {
      const { numerator, denominator, backend } = filter;
      const share =
        numerator === denominator
          ? 'every request'
          : `${percentText(numerator / denominator)} of the requests`;
      return `mirror: ${share} to ${backendText(backend)}`;
    }
    case 'redirect':
      return `redirect by ${filter.statusCode}`;
    case 'rewrite':
      return `rewrite: ${rewriteText(filter.hostname, filter.path)}`;
    case 'cors':
      return `CORS for ${filter.allowOrigins.join(', ')}`;
    case 'external-auth':
      return `asks ${backendText(filter.backend)} first whether it may pass`;
    case 'extension':
      return `${refText(filter.ref)}, which nobody here knows: every request is answered 500`;
    default:
      return filter satisfies never;
  }
}

function changeText({ set, add, remove }: HeaderChange): string {
  return [
    ...set.map((it) => `set ${it.name}: ${it.value}`),
    ...add.map((it) => `add ${it.name}: ${it.value}`),
    ...remove.map((it) => `remove ${it}`),
  ].join(', ');
}

function rewriteText(hostname: string | undefined, path: PathModifier | undefined): string {
  const words = { full: 'the path becomes', prefix: 'the matched prefix becomes' } as const;
  return [
    ...(hostname === undefined ? [] : [`the host becomes ${hostname}`]),
    ...(path === undefined ? [] : [`${words[path.type]} ${path.value}`]),
  ].join(', ');
}

/** 0.9 is "90%". */
export function percentText(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}
