import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { annotated } from '../../../test/support/ingress-manifests.ts';
import { ingressObjects } from '../../../test/support/gateway-manifests.ts';
import { KNOWN_ANNOTATIONS, readAnnotations, type ReadAnnotations } from './ingress-annotations.ts';
import { NO_OPTIONS, type AnnotationFinding, type IngressOptions } from './ingress-options.ts';

function readOf(annotations: Readonly<Record<string, string>>): ReadAnnotations {
  const yaml = annotated({ name: 'a', annotations, host: 'a.test', paths: { '/': 'echo' } });
  const [ingress] = ingressObjects(yaml).ingresses.values();
  assert.ok(ingress);
  return readAnnotations(ingress);
}

interface Row {
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the first annotation. */
  readonly effect: AnnotationFinding['effect'];
  readonly options?: Partial<Record<keyof IngressOptions, unknown>>;
}

const ROWS: readonly Row[] = [
  { annotations: { 'rewrite-target': '/$1' }, effect: 'whole', options: { rewriteTarget: '/$1' } },
  { annotations: { 'rewrite-target': 'no path' }, effect: 'not' },
  { annotations: { 'rewrite-target': '/a\n  http-request deny' }, effect: 'not' },
  { annotations: { 'rewrite-target': '/a?b=c' }, effect: 'not' },
  { annotations: { 'use-regex': 'TRUE' }, effect: 'whole', options: { isRegex: true } },
  { annotations: { 'use-regex': 'yes' }, effect: 'not' },
  { annotations: { 'ssl-redirect': 'true' }, effect: 'whole', options: { httpsRedirect: 'tls-hosts' } },
  { annotations: { 'ssl-redirect': 'false' }, effect: 'whole' },
  {
    annotations: { 'ssl-redirect': 'true', 'force-ssl-redirect': 'true' },
    effect: 'whole',
    options: { httpsRedirect: 'always' },
  },
  {
    annotations: { 'force-ssl-redirect': 'true', 'ssl-redirect': 'true' },
    effect: 'whole',
    options: { httpsRedirect: 'always' },
  },
  { annotations: { 'proxy-body-size': '8m' }, effect: 'changed', options: { maxBodyBytes: 8 << 20 } },
  { annotations: { 'proxy-body-size': '0' }, effect: 'whole' },
  { annotations: { 'proxy-body-size': 'much' }, effect: 'not' },
  { annotations: { 'proxy-read-timeout': '60' }, effect: 'whole', options: { readTimeoutMs: 60_000 } },
  { annotations: { 'backend-protocol': 'GRPC' }, effect: 'whole', options: { isGrpc: true } },
  { annotations: { 'backend-protocol': 'GRPCS' }, effect: 'whole', options: { isGrpc: true, isTls: true } },
  {
    annotations: { 'backend-protocol': 'FCGI' },
    effect: 'closed',
    options: { closed: closedBy('backend-protocol') },
  },
  {
    annotations: { 'whitelist-source-range': '10.1.2.3/8, 192.0.2.1,2001:db8::/32' },
    effect: 'whole',
    options: { allow: ['10.0.0.0/8', '192.0.2.1/32', '2001:db8::/32'] },
  },
  {
    annotations: { 'whitelist-source-range': '' },
    effect: 'closed',
    options: { closed: closedBy('whitelist-source-range') },
  },
  {
    annotations: { 'denylist-source-range': '10.0.0.0/99' },
    effect: 'closed',
    options: { closed: closedBy('denylist-source-range') },
  },
  {
    annotations: { 'server-snippet': 'x' },
    effect: 'closed',
    options: { closed: closedBy('server-snippet') },
  },
  { annotations: { 'auth-type': 'basic' }, effect: 'closed', options: { closed: closedBy('auth-type') } },
  {
    annotations: { 'auth-type': 'digest', 'auth-secret': 'a' },
    effect: 'closed',
    options: { closed: closedBy('auth-type') },
  },
  {
    annotations: { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'a"b' },
    effect: 'whole',
    options: { basicAuth: { secret: 'users', isMap: false, realm: '' } },
  },
  {
    annotations: { 'auth-url': 'https://check.shop.svc/a?b=$request_uri', 'auth-response-headers': 'X-User' },
    effect: 'whole',
    options: {
      authRequest: {
        service: { namespace: 'shop', name: 'check', port: 443 },
        isTls: true,
        host: 'check.shop.svc',
        path: '/a?b=$request_uri',
        method: 'GET',
        redirect: '$request_uri',
        signIn: undefined,
        responseHeaders: ['x-user'],
        alwaysSetsCookies: false,
      },
    },
  },
  ...[
    'https://auth.test/a',
    'http://check.shop.svc:0/',
    'http://check.shop.svc/$uri',
    'http://a b.shop.svc/',
    'javascript:x',
  ].map((url): Row => {
    return { annotations: { 'auth-url': url }, effect: 'closed', options: { closed: closedBy('auth-url') } };
  }),
  ...Object.entries({ 'auth-method': 'PATCH', 'auth-response-headers': 'x y' }).map(([name, value]): Row => {
    return { annotations: { [name]: value }, effect: 'closed', options: { closed: closedBy(name) } };
  }),
  {
    annotations: { 'auth-signin': 'javascript:x', 'auth-url': 'x' },
    effect: 'not',
    options: { closed: closedBy('auth-url') },
  },
  { annotations: { affinity: 'ip' }, effect: 'not' },
  { annotations: { 'mirror-target': 'https://elsewhere.test$request_uri' }, effect: 'not' },
  { annotations: { 'mirror-target': 'http://a.b.svc/fixed' }, effect: 'not' },
  { annotations: { 'from-to-www-redirect': 'true' }, effect: 'whole', options: { isOfBothNames: true } },
  { annotations: { 'auth-tls-secret': 'a', 'auth-tls-verify-client': 'off' }, effect: 'whole' },
  ...[{ 'auth-tls-verify-client': 'maybe' }, { 'auth-tls-match-cn': 'me' }].map((more): Row => {
    const options = { closed: closedBy('auth-tls-secret') };
    return { annotations: { 'auth-tls-secret': 'a', ...more }, effect: 'closed', options };
  }),
  {
    annotations: { 'auth-tls-secret': 'shop/ca', 'auth-tls-match-cn': 'CN=me' },
    effect: 'changed',
    options: {
      clientTls: { secret: 'shop/ca', verify: 'required', subject: 'CN=me', passesCertificate: false },
    },
  },
  { annotations: { 'limit-rps': 'many' }, effect: 'not' },
  { annotations: { 'limit-rpm': '0' }, effect: 'whole' },
  { annotations: { 'limit-whitelist': 'all', 'limit-rpm': '0' }, effect: 'not' },
  {
    annotations: { 'limit-rps': '10', 'limit-connections': '3', 'limit-whitelist': '10.0.0.0/8' },
    effect: 'whole',
    options: {
      limits: { exempt: ['10.0.0.0/8'], perSecond: 10, perMinute: undefined, burst: 5, connections: 3 },
    },
  },
  { annotations: { 'session-cookie-path': '/a; Secure', affinity: 'ip' }, effect: 'not' },
  { annotations: { 'session-cookie-domain': 'a.test; x', affinity: 'ip' }, effect: 'not' },
  { annotations: { 'session-cookie-samesite': 'Any', affinity: 'ip' }, effect: 'not' },
  { annotations: { 'affinity-mode': 'persistent' }, effect: 'whole' },
  { annotations: { 'proxy-next-upstream': 'error http_418' }, effect: 'not' },
  {
    annotations: { 'proxy-next-upstream-tries': '0' },
    effect: 'changed',
    options: { retry: { attempts: 19, codes: [], isWithoutTimeouts: false, isIdempotentAlone: true } },
  },
  {
    annotations: { 'proxy-connect-timeout': '9' },
    effect: 'changed',
    options: { connectTimeoutMs: 9000 },
  },
  {
    annotations: { affinity: 'cookie', 'session-cookie-name': 'route', 'session-cookie-max-age': '60' },
    effect: 'changed',
    options: {
      persistence: { type: 'cookie', name: 'route', absoluteTimeoutMs: 60_000, cookieLifetime: 'permanent' },
    },
  },
  {
    annotations: {
      canary: 'true',
      'canary-weight': '200',
      'canary-by-header': 'X-A',
      'canary-by-header-value': 'b',
    },
    effect: 'whole',
    options: {
      canary: {
        weight: 100,
        weightTotal: 100,
        header: 'x-a',
        headerValue: { type: 'exact', value: 'b' },
        cookie: undefined,
      },
    },
  },
  { annotations: { 'permanent-redirect': 'javascript:alert(1)' }, effect: 'not' },
  { annotations: { 'permanent-redirect': 'https://a.test/$host' }, effect: 'not' },
  {
    annotations: { 'permanent-redirect': 'https://a.test', 'permanent-redirect-code': '200' },
    effect: 'not',
  },
  { annotations: { 'server-alias': '~^www\\d+\\.test$' }, effect: 'not' },
  { annotations: { 'x-forwarded-prefix': 'a\r\nb: c' }, effect: 'not' },
  { annotations: { 'proxy-buffering': 'on' }, effect: 'whole' },
  { annotations: { 'enable-modsecurity': 'true' }, effect: 'not' },
  { annotations: { 'enable-modsecurity': 'false' }, effect: 'whole' },
  { annotations: { 'never-heard-of': 'x' }, effect: 'not' },
];

/** The word stands for a text that begins with the name. */
function closedBy(name: string): string {
  return `closed by ${name}`;
}

for (const { annotations, effect, options = {} } of ROWS)
  test(`readAnnotations() ${JSON.stringify(annotations)}: ${effect}`, () => {
    const read = readOf(annotations);
    const closed =
      read.options.closed === undefined ? undefined : `closed by ${read.options.closed.split(':')[0]}`;
    assert.equal(read.findings[0]?.effect, effect);
    assert.deepEqual({ ...read.options, closed }, { ...NO_OPTIONS, ...options });
  });

test('docs/ingress.md says of every annotation that is known what it does', () => {
  const page = readFileSync(new URL('../../../docs/ingress.md', import.meta.url), 'utf8');
  assert.deepEqual(
    KNOWN_ANNOTATIONS.filter((it) => !page.includes(`\`${it}\``)),
    [],
  );
});
