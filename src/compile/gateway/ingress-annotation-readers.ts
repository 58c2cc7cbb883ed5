// The annotations of ingress-nginx: a table of what each becomes.

import { CLIENT_TLS_READERS } from './ingress-annotation-client-tls.ts';
import { LIMIT_READERS } from './ingress-annotation-limits.ts';
import { RETRY_READERS } from './ingress-annotation-retries.ts';
import { SESSION_READERS } from './ingress-annotation-sessions.ts';
import {
  booleanOf,
  bytesOf,
  cidrsOf,
  hostsOf,
  pathOf,
  redirectOf,
  secondsOf,
  serviceOf,
  wordOf,
} from './ingress-annotation-values.ts';
import { AUTH_READERS } from './ingress-annotation-auth.ts';
import { canaryOf, corsOf } from './ingress-annotation-groups.ts';
import {
  changed,
  closed,
  misread,
  not,
  notHad,
  parsed,
  partOf,
  quoted,
  whole,
  type Reader,
  type ReaderRow,
  type Reading,
} from './ingress-annotation-reading.ts';

const SNIPPET: Reader = () =>
  closed('text of an nginx configuration is never taken: whoever writes one can take over the proxy');
const STREAMING: Reader = () => whole('bodies pass as they come; there is nothing to buffer');
const offAlone =
  (why: string): Reader =>
  (value) =>
    booleanOf(value) === false ? whole('it is off here') : not(why);

export const ANNOTATION_READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'rewrite-target',
    parsed(pathOf, 'path', (rewriteTarget) =>
      whole('paths of the host are regular expressions; the whole path is replaced', {
        rewriteTarget,
      }),
    ),
  ],
  [
    'use-regex',
    parsed(booleanOf, 'true or false', (isRegex) =>
      isRegex
        ? whole('paths of the host are regular expressions, in any case, matched at the beginning', {
            isRegex,
          })
        : whole('paths are paths'),
    ),
  ],
  [
    'ssl-redirect',
    parsed(booleanOf, 'true or false', (isOn, all) =>
      isOn && booleanOf(all.get('force-ssl-redirect') ?? '') !== true
        ? whole('HTTP to the names of tls is redirected by 308', { httpsRedirect: 'tls-hosts' })
        : whole('HTTP is served'),
    ),
  ],
  [
    'force-ssl-redirect',
    parsed(booleanOf, 'true or false', (isOn) =>
      isOn ? whole('all HTTP is redirected by 308', { httpsRedirect: 'always' }) : whole('HTTP is served'),
    ),
  ],
  [
    'proxy-body-size',
    parsed(bytesOf, 'size', (maxBodyBytes) =>
      maxBodyBytes === 0
        ? whole('no limit')
        : changed('413 for bodies that say that they are longer; those that say no length pass', {
            maxBodyBytes,
          }),
    ),
  ],
  [
    'proxy-read-timeout',
    parsed(secondsOf, 'number of seconds', (seconds) =>
      whole('504 where the backend is silent for so long', { readTimeoutMs: seconds * 1000 }),
    ),
  ],
  ...RETRY_READERS,
  ...LIMIT_READERS,
  ['backend-protocol', readProtocol],
  ['whitelist-source-range', sourceRange('allow')],
  ['allowlist-source-range', sourceRange('allow')],
  ['denylist-source-range', sourceRange('deny')],
  [
    'enable-cors',
    parsed(booleanOf, 'true or false', (isOn, all) =>
      isOn ? whole('answered for the origins that are allowed', { cors: corsOf(all) }) : whole('it is off'),
    ),
  ],
  ...corsParts(),
  ...SESSION_READERS,
  [
    'canary',
    parsed(booleanOf, 'true or false', (isOn, all) =>
      isOn
        ? whole('takes its share of the Ingress with the same host and path', { canary: canaryOf(all) })
        : whole('it is off'),
    ),
  ],
  ...[
    'canary-weight',
    'canary-weight-total',
    'canary-by-header',
    'canary-by-header-value',
    'canary-by-header-pattern',
    'canary-by-cookie',
  ].map((it) => [it, partOf('canary')] as const),
  ['app-root', parsed(pathOf, 'path', (appRoot) => whole('/ is redirected by 302', { appRoot }))],
  [
    'permanent-redirect',
    (value, all) => readRedirect(value, codeOf(all.get('permanent-redirect-code'), 301)),
  ],
  ['temporal-redirect', (value, all) => readRedirect(value, codeOf(all.get('temporal-redirect-code'), 302))],
  ['permanent-redirect-code', partOf('permanent-redirect')],
  ['temporal-redirect-code', partOf('temporal-redirect')],
  [
    'upstream-vhost',
    parsed(wordOf, 'name', (upstreamVhost) => whole('the backend sees it as Host', { upstreamVhost })),
  ],
  [
    'x-forwarded-prefix',
    parsed(wordOf, 'header value', (forwardedPrefix) =>
      whole('the backend sees it as X-Forwarded-Prefix', { forwardedPrefix }),
    ),
  ],
  [
    'server-alias',
    parsed(hostsOf, 'list of names', (hostAliases) =>
      whole('the rules with a host hold for these names too', { hostAliases }),
    ),
  ],
  ...['configuration-snippet', 'server-snippet', 'stream-snippet', 'auth-snippet', 'modsecurity-snippet'].map(
    (it) => [it, SNIPPET] as const,
  ),
  ...AUTH_READERS,
  ...CLIENT_TLS_READERS,
  ...['proxy-ssl-secret', 'proxy-ssl-name', 'proxy-ssl-server-name'].map(
    (it) => [it, notHad('backends are told no name and shown no certificate')] as const,
  ),
  [
    'proxy-ssl-verify',
    (value) =>
      value === 'on'
        ? closed('it is not looked at who a backend is')
        : whole('nobody looks who a backend is'),
  ],
  [
    'ssl-passthrough',
    (value) =>
      booleanOf(value) === true
        ? changed('TLS goes to the backend of path / as it came; HTTP is redirected to it', {
            isPassed: true,
          })
        : whole('it is off'),
  ],
  ...[
    'proxy-buffering',
    'proxy-request-buffering',
    'proxy-buffer-size',
    'proxy-buffers-number',
    'proxy-busy-buffers-size',
    'proxy-max-temp-file-size',
    'client-body-buffer-size',
  ].map((it) => [it, STREAMING] as const),
  ['service-upstream', notHad('requests go to endpoints, never by the Service’s address')],
  [
    'proxy-http-version',
    (value) => (value === '1.1' ? whole('it is so') : not('backends are spoken to by HTTP/1.1')),
  ],
  ['preserve-trailing-slash', () => whole('paths are never redirected to one with a slash')],
  ['enable-access-log', offAlone('requests are not logged')],
  ['enable-opentelemetry', offAlone('there is no tracing')],
  ['enable-modsecurity', offAlone('there is no such firewall')],
  ['enable-owasp-core-rules', offAlone('there is no such firewall')],
  [
    'from-to-www-redirect',
    parsed(booleanOf, 'true or false', (isOn) =>
      isOn
        ? whole('the name with www., or without it, is redirected by 308', { isOfBothNames: true })
        : whole('it is off'),
    ),
  ],
  ['mirror-target', readMirror],
  ['mirror-host', notHad('copies have the host of the request')],
  [
    'mirror-request-body',
    (value) => (value === 'on' ? whole('it is so') : not('bodies are copied, as far as they are short')),
  ],
  ['load-balance', notHad('requests go to the endpoints in turn')],
  ['upstream-hash-by', notHad('requests go to the endpoints in turn')],
]);

function corsParts(): readonly ReaderRow[] {
  return [
    'cors-allow-origin',
    'cors-allow-methods',
    'cors-allow-headers',
    'cors-allow-credentials',
    'cors-expose-headers',
    'cors-max-age',
  ].map((it) => [it, partOf('enable-cors')] as const);
}

/** A list that cannot be read must not let everybody in. */
function sourceRange(kind: 'allow' | 'deny'): Reader {
  return (value) => {
    const found = cidrsOf(value);
    if (found === undefined) return closed(`no list of prefixes: ${quoted(value)}`);
    return whole(kind === 'allow' ? '403 for all other addresses' : '403 for these addresses', {
      [kind]: found,
    });
  };
}

function readProtocol(value: string): Reading {
  switch (value.toUpperCase()) {
    case 'HTTP':
    case 'AUTO_HTTP':
      return whole('backends are spoken to by HTTP/1.1');
    case 'GRPC':
      return whole('backends are spoken to by HTTP/2', { isGrpc: true });
    case 'HTTPS':
      return whole('TLS to backends, whoever they are', { isTls: true });
    case 'GRPCS':
      return whole('HTTP/2 over TLS to backends, whoever they are', { isTls: true, isGrpc: true });
    default:
      return closed(`backends are not spoken to by ${quoted(value)}`);
  }
}

/** To a Service of the cluster, with the request's own path. */
function readMirror(value: string): Reading {
  const [, scheme, host = '', port] =
    /^(https?):\/\/([a-z0-9.-]+)(?::(\d{1,5}))?\$request_uri$/.exec(value) ?? [];
  const service = serviceOf(host, port, scheme === 'https');
  if (service === undefined) return misread('Service of the cluster with $request_uri', value);
  const mirror = { service, isTls: scheme === 'https' };
  return changed('copies have the host of the request, and bodies as far as they are short', { mirror });
}

function readRedirect(value: string, statusCode: number | undefined): Reading {
  const redirect = redirectOf(value, statusCode ?? 0);
  if (redirect === undefined || statusCode === undefined)
    return misread('address that can be redirected to', value);
  return changed(`${statusCode} to it; a query goes along`, { redirect });
}

function codeOf(text: string | undefined, absent: number): number | undefined {
  if (text === undefined) return absent;
  return /^30[12378]$/.test(text) ? Number(text) : undefined;
}
