// Cross-origin requests (the Fetch standard, by HTTPCORSFilter's text): what a Gateway answers a preflight, and what it adds to other answers.

import type { HttpCors } from '../objects/gateway-api/http-route.ts';
import { headerOf } from './route-condition.ts';
import type { ExpectedHeader, HttpRequest, Response } from './route-objects.ts';

/** The answer to a preflight request, which goes no further; undefined for every other request. */
export function preflight(cors: HttpCors, request: HttpRequest): Response | undefined {
  const origin = headerOf(request, 'origin');
  const method = headerOf(request, 'access-control-request-method');
  if (request.method !== 'OPTIONS' || origin === undefined || method === undefined) return undefined;
  // "Alternatively, the gateway responds with 403 status, coupled with omitting the CORS headers."
  if (!allows(cors, origin)) return { kind: 'respond', statuses: [200, 204, 403], headers: [] };
  const asked = headerOf(request, 'access-control-request-headers');
  const headers = [
    ...originHeaders(cors, origin),
    ...listHeader(cors, { name: 'access-control-allow-methods', list: cors.allowMethods, asked: method }),
    ...listHeader(cors, { name: 'access-control-allow-headers', list: cors.allowHeaders, asked }),
    ...exposed(cors),
    { name: 'access-control-max-age', values: [String(cors.maxAgeS)] },
  ];
  return { kind: 'respond', statuses: [200, 204], headers };
}

/** What is added to the answer to a request that is no preflight. */
export function corsHeaders(cors: HttpCors, request: HttpRequest): readonly ExpectedHeader[] {
  const origin = headerOf(request, 'origin');
  if (origin === undefined || !allows(cors, origin)) return [];
  return [...originHeaders(cors, origin), ...exposed(cors)];
}

/** "If allowCredentials is true, the gateway must not return *"; otherwise it may. */
function originHeaders(cors: HttpCors, origin: string): readonly ExpectedHeader[] {
  const isStar = cors.allowOrigins.includes('*') && !cors.allowCredentials;
  return [
    { name: 'access-control-allow-origin', values: isStar ? ['*', origin] : [origin] },
    ...(cors.allowCredentials ? [{ name: 'access-control-allow-credentials', values: ['true'] }] : []),
  ];
}

interface AskedList {
  readonly name: string;
  readonly list: readonly string[];
  readonly asked: string | undefined;
}

/** The list as it stands, or with a star and credentials what was asked for; nothing of an empty one. */
function listHeader(
  { allowCredentials }: HttpCors,
  { name, list, asked }: AskedList,
): readonly ExpectedHeader[] {
  if (list.length === 0) return [];
  if (!list.includes('*')) return [{ name, values: [list.join(', ')] }];
  const values = [...(allowCredentials ? [] : ['*']), ...(asked === undefined ? [] : [asked])];
  return values.length === 0 ? [] : [{ name, values }];
}

/** "If allowCredentials is true, the gateway cannot use the * in Access-Control-Expose-Headers." */
function exposed({ exposeHeaders, allowCredentials }: HttpCors): readonly ExpectedHeader[] {
  const list = exposeHeaders.filter((it) => it !== '*' || !allowCredentials);
  return list.length === 0 ? [] : [{ name: 'access-control-expose-headers', values: [list.join(', ')] }];
}

function allows({ allowOrigins }: HttpCors, origin: string): boolean {
  return allowOrigins.some((it) => it === '*' || matchesOrigin(it, origin));
}

/** "* is a greedy match to the left, including any number of DNS labels." */
function matchesOrigin(pattern: string, origin: string): boolean {
  const [wanted, actual] = [partsOf(pattern), partsOf(origin)];
  if (wanted === undefined || actual === undefined) return false;
  const host = wanted.host
    .split('*')
    .map((it) => RegExp.escape(it))
    .join('.+');
  return (
    wanted.scheme === actual.scheme &&
    wanted.port === actual.port &&
    new RegExp(`^${host}$`).test(actual.host)
  );
}

/** "If not included, port 80 is assumed for http scheme origins, and port 443 for https origins." */
function partsOf(
  origin: string,
): { readonly scheme: string; readonly host: string; readonly port: string } | undefined {
  const [, scheme, host, port] = /^(https?):\/\/([^:/]+)(?::(\d+))?$/.exec(origin.toLowerCase()) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  return { scheme, host, port: port ?? (scheme === 'http' ? '80' : '443') };
}
