// The annotations auth-*: who says whether a request may pass. As nginx's auth_request asks, with what ingress-nginx tells beside it.

import {
  closed,
  misread,
  not,
  notHad,
  parsed,
  partOf,
  quoted,
  whole,
  type Annotations,
  type ReaderRow,
  type Reading,
} from './ingress-annotation-reading.ts';
import { booleanOf, headerNamesOf, serviceOf, templateOf } from './ingress-annotation-values.ts';
import type { AuthRequestOptions } from './ingress-options.ts';

/** Of the question; the request's own one goes along in a header. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);
/** nginx's variables, as ingress-nginx adds them where the address does not say where to come back to. */
const COMING_BACK = '$pass_access_scheme://$http_host$escaped_request_uri';

export const AUTH_READERS: readonly ReaderRow[] = [
  ['auth-type', readAuthType],
  ['auth-secret', partOf('auth-type')],
  ['auth-secret-type', partOf('auth-type')],
  [
    'auth-realm',
    (value, all) =>
      realmOf(value) === undefined ? misread('realm', value) : partOf('auth-type')(value, all),
  ],
  ['auth-url', readAuthUrl],
  [
    'auth-method',
    (value) =>
      METHODS.has(value)
        ? whole('it is asked by this method')
        : closed(`nobody is asked by method ${quoted(value)}`),
  ],
  [
    'auth-response-headers',
    parsedOrClosed(headerNamesOf, 'list of header names', 'the backend sees them as auth-url answered them'),
  ],
  ['auth-request-redirect', parsedOrClosed(templateOf, 'address', 'told as X-Auth-Request-Redirect')],
  [
    'auth-signin',
    (value, all) =>
      signInOf(value, all) === undefined
        ? misread('address that can be redirected to', value)
        : whole('who is answered 401 is redirected to it by 302'),
  ],
  ['auth-signin-redirect-param', partOf('auth-signin')],
  [
    'auth-always-set-cookie',
    parsed(booleanOf, 'true or false', (isOn) =>
      whole(
        isOn
          ? 'cookies of auth-url go along with every answer'
          : 'cookies of auth-url go along with good answers',
      ),
    ),
  ],
  ...['auth-cache-key', 'auth-cache-duration'].map((it): ReaderRow => [
    it,
    notHad('auth-url is asked about every request'),
  ]),
  ['auth-proxy-set-headers', notHad('no ConfigMap of headers is read')],
  ...['auth-keepalive', 'auth-keepalive-requests', 'auth-keepalive-timeout', 'auth-keepalive-share-vars'].map(
    (it): ReaderRow => [it, () => whole('connections are kept as those to all backends')],
  ),
  ['enable-global-auth', () => whole('nobody is asked about the requests of all Ingresses')],
];

/** What cannot be read must let nobody in. */
function parsedOrClosed(parse: (text: string) => unknown, what: string, message: string): ReaderRow[1] {
  return (value, all) => {
    if (parse(value) === undefined) return closed(`no ${what}: ${quoted(value)}`);
    return all.has('auth-url') ? whole(message) : not('says nothing without auth-url');
  };
}

function readAuthType(value: string, all: Annotations): Reading {
  if (value !== 'basic') return closed(`nobody is asked by ${quoted(value)} who they are`);
  const secret = all.get('auth-secret') ?? '';
  if (!/^(?:[a-z0-9.-]{1,253}\/)?[a-z0-9.-]{1,253}$/.test(secret))
    return closed(`auth-secret names no Secret: ${quoted(secret)}`);
  const type = all.get('auth-secret-type') ?? 'auth-file';
  if (type !== 'auth-file' && type !== 'auth-map')
    return closed(`auth-secret-type is neither auth-file nor auth-map: ${quoted(type)}`);
  const realm = realmOf(all.get('auth-realm') ?? '') ?? '';
  return whole('401 for who does not say a name and password of the Secret', {
    basicAuth: { secret, isMap: type === 'auth-map', realm },
  });
}

/** What stands between quotes without any escape. */
function realmOf(text: string): string | undefined {
  return /^[ !#-[\]-~]{0,256}$/.test(text) ? text : undefined;
}

function readAuthUrl(value: string, all: Annotations): Reading {
  const address = addressOf(value);
  if (address === undefined)
    return closed(`nobody can be asked at ${quoted(value)}: name a Service, or $host for this proxy itself`);
  const method = all.get('auth-method') ?? 'GET';
  return whole('2xx lets a request pass, 401 and 403 are answered so, all else is 500', {
    authRequest: {
      ...address,
      method,
      redirect: templateOf(all.get('auth-request-redirect') ?? '') ?? '$request_uri',
      signIn: signInOf(all.get('auth-signin') ?? '', all),
      responseHeaders: headerNamesOf(all.get('auth-response-headers') ?? '') ?? [],
      alwaysSetsCookies: booleanOf(all.get('auth-always-set-cookie') ?? '') ?? false,
    },
  });
}

type Address = Pick<AuthRequestOptions, 'service' | 'isTls' | 'host' | 'path'>;

/** A Service by its name in the cluster, or the host that the request itself is for; other addresses are looked up by nobody here. */
function addressOf(text: string): Address | undefined {
  const match = /^(https?):\/\/([a-z0-9.-]+|\$host|\$http_host)(?::(\d{1,5}))?(\/[^#]*)?$/.exec(text);
  const [, scheme, host = '', port, path = '/'] = match ?? [];
  const isTls = scheme === 'https';
  const filled = templateOf(path);
  if (match === null || filled === undefined) return undefined;
  if (host.startsWith('$')) return { service: undefined, isTls, host: '$http_host', path: filled };
  const service = serviceOf(host, port, isTls);
  return service && { service, isTls, host, path: filled };
}

/** Where the address does not say where to come back to, that is added. */
function signInOf(text: string, all: Annotations): string | undefined {
  const address = templateOf(text);
  if (address === undefined || !/^https?:\/\/[^/]/.test(address)) return undefined;
  const parameter = all.get('auth-signin-redirect-param') ?? 'rd';
  if (!/^[\w.-]{1,64}$/.test(parameter)) return undefined;
  const query = address.split('?').slice(1).join('?');
  if (query === '') return `${address.replace(/\?$/, '')}?${parameter}=${COMING_BACK}`;
  const isSaid = query.split('&').some((it) => it.startsWith(`${parameter}=`) && it !== `${parameter}=`);
  return isSaid ? address : `${address}&${parameter}=${COMING_BACK}`;
}
