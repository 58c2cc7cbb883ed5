// What the annotations of ingress-nginx do to requests, in a real HAProxy.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { annotated } from '../support/ingress-manifests.ts';
import { openIngressRig, type IngressRig, type Seen } from '../support/ingress-rig.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { HASHED, passwordSecret } from '../support/passwords.ts';
import { ownName } from '../support/own-name.ts';
import type { Ask } from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };

/** In the place of the usual answer. */
function answerBy(rig: IngressRig, service: string, listener: RequestListener): void {
  rig.backends.get(service)?.server.removeAllListeners('request').on('request', listener);
}

describe('annotations of Ingresses', () => {
  let clean: LeakSnapshot;
  let rig: IngressRig;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openIngressRig(['echo-service', 'foo-exact', 'foo-prefix', 'auth'], {
      service: 'balanced',
      servers: ['pod-0', 'pod-1', 'pod-2'],
    });
  });
  after(async () => {
    await rig.close();
    await assertNoLeaks(clean, SCOPE);
  });

  async function seenBy(words: Ask): Promise<Seen> {
    const answer = await rig.ask(words);
    assert.equal(answer.status, 200);
    return JSON.parse(answer.body) as Seen;
  }

  async function statusAnd(header: string, words: Ask): Promise<readonly unknown[]> {
    const { status, headers } = await rig.ask(words);
    return [status, headers[header]];
  }

  test('rewrite-target puts in what the path caught, and makes all paths of the host regular expressions', async () => {
    await rig.publish(
      annotated(
        {
          name: 'rewritten',
          annotations: { 'rewrite-target': '/$2' },
          host: 'a.test',
          paths: { '/api(/|$)(.*)': 'foo-exact' },
        },
        { name: 'plain', annotations: {}, host: 'a.test', paths: { '/other': 'foo-prefix' } },
        { name: 'apart', annotations: {}, host: 'b.test', paths: { '/other': 'foo-prefix' } },
        {
          name: 'same',
          annotations: { 'rewrite-target': '/' },
          host: 'c.test',
          paths: { '/': 'echo-service' },
        },
      ),
    );
    const host = 'a.test';
    const urls = [];
    for (const path of ['/api/x/y?q=1', '/api', '/API/x']) urls.push((await seenBy({ host, path })).url);
    assert.deepEqual(urls, ['/x/y?q=1', '/', '/x']);
    assert.equal(await rig.whoAnswers({ host, path: '/otherwise' }), 'foo-prefix');
    assert.equal(await rig.whoAnswers({ host, path: '/x/other' }), '404');
    assert.equal(await rig.whoAnswers({ host: 'b.test', path: '/otherwise' }), '404');
    assert.equal((await seenBy({ host: 'c.test', path: '/left/as/it/is' })).url, '/left/as/it/is');
  });

  test('source ranges and body sizes refuse before anything else is done', async () => {
    const paths = { '/': 'echo-service' };
    await rig.publish(
      annotated(
        {
          name: 'in',
          annotations: { 'whitelist-source-range': '10.0.0.0/8, 127.0.0.0/8' },
          host: 'in.test',
          paths,
        },
        {
          name: 'out',
          annotations: { 'whitelist-source-range': '10.0.0.0/8,2001:db8::/32' },
          host: 'out.test',
          paths,
        },
        { name: 'deny', annotations: { 'denylist-source-range': '127.0.0.1/8' }, host: 'deny.test', paths },
        { name: 'none', annotations: { 'whitelist-source-range': 'everybody' }, host: 'none.test', paths },
        { name: 'short', annotations: { 'proxy-body-size': '1k' }, host: 'short.test', paths },
      ),
    );
    const statuses = [];
    for (const host of ['in.test', 'out.test', 'deny.test', 'none.test'])
      statuses.push((await rig.ask({ host })).status);
    assert.deepEqual(statuses, [200, 403, 403, 500]);
    const sent = async (bytes: number): Promise<number> => {
      const headers = { 'content-length': String(bytes) };
      return (await rig.ask({ host: 'short.test', method: 'POST', headers, body: 'x'.repeat(bytes) })).status;
    };
    assert.deepEqual([await sent(1024), await sent(1025)], [200, 413]);
  });

  test('redirects: to HTTPS for all or for the names of tls, to other places, of the root', async () => {
    const paths = { '/': 'echo-service' };
    await rig.publish(
      annotated(
        { name: 'force', annotations: { 'force-ssl-redirect': 'true' }, host: 'force.test', paths },
        { name: 'tls', annotations: { 'ssl-redirect': 'true' }, host: 'tls.test', paths, tls: ['tls.test'] },
        {
          name: 'other',
          annotations: { 'ssl-redirect': 'true' },
          host: 'other.test',
          paths,
          tls: ['x.test'],
        },
        { name: 'root', annotations: { 'app-root': '/app' }, host: 'root.test', paths },
        {
          name: 'gone',
          annotations: { 'permanent-redirect': 'https://new.test/at' },
          host: 'gone.test',
          paths,
        },
        {
          name: 'same',
          annotations: {
            'temporal-redirect': 'https://new.test$request_uri',
            'temporal-redirect-code': '307',
          },
          host: 'same.test',
          paths,
        },
      ),
    );
    const at = async (host: string, path = '/x?q=1'): Promise<readonly unknown[]> =>
      statusAnd('location', { host, path });
    assert.deepEqual(await at('force.test'), [308, 'https://force.test/x?q=1']);
    assert.deepEqual(await at('tls.test'), [308, 'https://tls.test/x?q=1']);
    assert.deepEqual(await at('other.test'), [200, undefined]);
    assert.deepEqual(await at('root.test', '/'), [302, 'http://root.test/app']);
    assert.deepEqual(await at('root.test', '/x'), [200, undefined]);
    assert.deepEqual(await at('gone.test'), [301, 'https://new.test/at?q=1']);
    assert.deepEqual(await at('same.test'), [307, 'https://new.test/x?q=1']);
  });

  test('canaries by header, cookie and weight; aliases; headers for the backend', async () => {
    const host = 'a.test';
    const canary = {
      canary: 'true',
      'canary-by-header': 'X-Canary',
      'canary-by-cookie': 'canary',
      'canary-weight': '50',
    };
    await rig.publish(
      annotated(
        {
          name: 'main',
          annotations: {
            'server-alias': 'alias.test, *.more.test',
            'upstream-vhost': 'inner.test',
            'x-forwarded-prefix': '/pre',
          },
          host,
          paths: { '/': 'foo-exact' },
        },
        { name: 'canary', annotations: canary, host, paths: { '/': 'foo-prefix' } },
      ),
    );
    const by = (headers: Readonly<Record<string, string>>): Promise<string> =>
      rig.whoAnswers({ host, headers });
    assert.equal(await by({ 'x-canary': 'always' }), 'foo-prefix');
    assert.equal(await by({ 'x-canary': 'never', cookie: 'canary=always' }), 'foo-exact');
    assert.equal(await by({ cookie: 'a=b; canary=always; c=d' }), 'foo-prefix');
    assert.equal(await by({ cookie: 'canary=never' }), 'foo-exact');
    const counts: Record<string, number> = {};
    for (let i = 0; i < 100; i++) {
      const who = await by({ cookie: 'xcanary=always' });
      counts[who] = (counts[who] ?? 0) + 1;
    }
    // Of 100 fair throws less than 20 of one side come once in 10^9.
    assert.ok((counts['foo-exact'] ?? 0) >= 20 && (counts['foo-prefix'] ?? 0) >= 20, JSON.stringify(counts));
    const seen = await seenBy({ host: 'alias.test' });
    assert.deepEqual([seen.headers['host'], seen.headers['x-forwarded-prefix']], ['inner.test', '/pre']);
    assert.equal(await rig.whoAnswers({ host: 'one.more.test' }), 'foo-exact');
    assert.equal(await rig.whoAnswers({ host: 'two.one.more.test' }), '404');
  });

  test('a cookie keeps a client with the pod that answered first', async () => {
    const annotations = { affinity: 'cookie', 'session-cookie-name': 'route' };
    const host = 'a.test';
    await rig.publish(annotated({ name: 'a', annotations, host, paths: { '/': 'balanced' } }));
    const first = await rig.ask({ host });
    const [cookie = ''] = (first.headers['set-cookie'] ?? []).map((it) => it.split(';')[0] ?? '');
    assert.match(cookie, /^route=./);
    const { name } = JSON.parse(first.body) as Seen;
    const others = new Set<string>();
    for (let i = 0; i < 10; i++) others.add(await rig.whoAnswers({ host, headers: { cookie } }));
    assert.deepEqual([...others], [name]);
  });

  test('the cookie of a session is set as it is asked for', async () => {
    const annotations = {
      affinity: 'cookie',
      'session-cookie-path': '/shop',
      'session-cookie-domain': '.a.test',
      'session-cookie-samesite': 'lax',
      'session-cookie-secure': 'true',
      'session-cookie-max-age': '60',
    };
    const host = 'a.test';
    await rig.publish(annotated({ name: 'a', annotations, host, paths: { '/': 'balanced' } }));
    const [cookie = ''] = (await rig.ask({ host })).headers['set-cookie'] ?? [];
    assert.match(
      cookie,
      /^INGRESSCOOKIE=[0-9a-f-]{36}; Path=\/shop; Domain=\.a\.test; SameSite=Lax; Secure; HttpOnly; Max-Age=60$/,
    );
  });

  test('proxy-next-upstream says what is asked again, how often and by which methods', async () => {
    const tries: Record<string, number> = {};
    answerBy(rig, 'auth', ({ method, url = '', headers }, response) => {
      const key = `${headers.host} ${method} ${url}`;
      tries[key] = (tries[key] ?? 0) + 1;
      response.writeHead(Number(url.slice(1))).end('{}');
    });
    const paths = { '/': 'auth' };
    const codes = 'error timeout http_500 http_503';
    await rig.publish(
      annotated(
        { name: 'a', annotations: { 'proxy-next-upstream': codes }, host: 'a', paths },
        {
          name: 'b',
          annotations: {
            'proxy-next-upstream': `${codes} non_idempotent`,
            'proxy-next-upstream-tries': '2',
            'proxy-connect-timeout': '9',
          },
          host: 'b',
          paths,
        },
        { name: 'c', annotations: { 'proxy-next-upstream': 'off' }, host: 'c', paths },
      ),
    );
    for (const host of ['a', 'b', 'c'])
      for (const method of ['GET', 'POST'])
        for (const code of [500, 502])
          assert.equal((await rig.ask({ host, method, path: `/${code}` })).status, code);
    assert.deepEqual(tries, {
      'a GET /500': 3,
      'a GET /502': 1,
      'a POST /500': 1,
      'a POST /502': 1,
      'b GET /500': 2,
      'b GET /502': 1,
      'b POST /500': 2,
      'b POST /502': 1,
      'c GET /500': 1,
      'c GET /502': 1,
      'c POST /500': 1,
      'c POST /502': 1,
    });
  });

  test('auth-url is asked as nginx asks, and who is not known is sent to sign in', async () => {
    const questions: unknown[] = [];
    answerBy(rig, 'auth', ({ method, url, headers }, response) => {
      const told = ['x-original-url', 'x-original-method', 'x-auth-request-redirect', 'x-sent-from'];
      questions.push([method, url, headers.host, ...told.map((it) => headers[it])]);
      const [, status = '200'] = /status=(\d+)/.exec(headers.cookie ?? '') ?? [];
      response.setHeader('set-cookie', ['a=1', 'b=2']);
      response.setHeader('www-authenticate', 'Bearer');
      response.setHeader('x-auth-request-user', 'me');
      response.writeHead(Number(status)).end('not for everybody');
    });
    const address = 'auth.default.svc.cluster.local:8080';
    const annotations = {
      'auth-url': `http://${address}/check?at=$host`,
      'auth-response-headers': 'X-Auth-Request-User, X-Auth-Request-Email',
    };
    const paths = { '/': 'echo-service' };
    const signIn = 'https://sign.test/start?client=a';
    await rig.publish(
      annotated(
        { name: 'asks', annotations, host: 'asks.test', paths },
        {
          name: 'signs',
          annotations: { ...annotations, 'auth-signin': signIn, 'auth-method': 'HEAD' },
          host: 'signs.test',
          paths,
        },
        {
          name: 'itself',
          annotations: {
            'auth-url': 'https://$host/oauth2/auth',
            'auth-signin': 'https://$host/oauth2/start?rd=$escaped_request_uri',
          },
          host: 'itself.test',
          paths,
        },
        { name: 'oauth', annotations: {}, host: 'itself.test', paths: { '/oauth2': 'auth' } },
        { name: 'gone', annotations: { 'auth-url': 'http://gone.default.svc/' }, host: 'gone.test', paths },
      ),
    );
    const headers = { 'x-auth-request-user': 'forged', 'x-auth-request-email': 'forged' };
    const fine = await rig.ask({ host: 'asks.test', path: '/x?q=1', method: 'POST', headers, body: 'b' });
    const seen = JSON.parse(fine.body) as Seen;
    assert.deepEqual(
      [fine.status, seen.headers['x-auth-request-user'], seen.headers['x-auth-request-email']],
      [200, 'me', undefined],
    );
    assert.deepEqual(fine.headers['set-cookie'], ['a=1', 'b=2']);
    const told = ['http://asks.test/x?q=1', 'POST', '/x?q=1', 'nginx-ingress-controller'];
    assert.deepEqual(questions, [['GET', '/check?at=asks.test', 'auth.default.svc.cluster.local', ...told]]);
    const answers = [];
    for (const host of ['asks.test', 'signs.test', 'itself.test', 'gone.test'])
      for (const code of [204, 401, 403, 302]) {
        const answer = await rig.ask({ host, path: '/x?q=1', headers: { cookie: `status=${code}` } });
        const { location, 'www-authenticate': by } = answer.headers;
        answers.push([host, code, answer.status, ...[location, by].filter((it) => it !== undefined)]);
        assert.doesNotMatch(answer.body, /not for everybody/);
      }
    assert.deepEqual(answers, [
      ['asks.test', 204, 200],
      ['asks.test', 401, 401, 'Bearer'],
      ['asks.test', 403, 403],
      ['asks.test', 302, 500],
      ['signs.test', 204, 200],
      ['signs.test', 401, 302, `${signIn}&rd=http://signs.test%2Fx%3Fq%3D1`],
      ['signs.test', 403, 403],
      ['signs.test', 302, 500],
      ['itself.test', 204, 200],
      ['itself.test', 401, 302, 'https://itself.test/oauth2/start?rd=%2Fx%3Fq%3D1'],
      ['itself.test', 403, 403],
      ['itself.test', 302, 500],
      ['gone.test', 204, 500],
      ['gone.test', 401, 500],
      ['gone.test', 403, 500],
      ['gone.test', 302, 500],
    ]);
  });

  test('auth-type: basic lets in who says a name and password of the Secret', async () => {
    const paths = { '/': 'echo-service' };
    const basic = { 'auth-type': 'basic', 'auth-secret': 'users' };
    await rig.publish(
      [
        annotated(
          { name: 'file', annotations: { ...basic, 'auth-realm': 'the office' }, host: 'file.test', paths },
          {
            name: 'map',
            annotations: { ...basic, 'auth-secret-type': 'auth-map' },
            host: 'map.test',
            paths,
          },
          { name: 'gone', annotations: { ...basic, 'auth-secret': 'gone' }, host: 'gone.test', paths },
          { name: 'there', annotations: { ...basic, 'auth-secret': 'b/users' }, host: 'there.test', paths },
        ),
        passwordSecret('users'),
      ].join('\n---\n'),
    );
    const by = async (host: string, user: string, password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      return (await rig.ask({ host, headers: { authorization } })).status;
    };
    const statuses: Record<string, readonly number[]> = {};
    for (const { user } of HASHED)
      statuses[user] = [
        await by('file.test', user, 'open sesame'),
        // What was right is known from then on, and only that.
        await by('file.test', user, 'open sesame'),
        await by('file.test', user, 'open sesame '),
      ];
    const all = Object.fromEntries(HASHED.map(({ user }) => [user, [200, 200, 401]]));
    assert.deepEqual(statuses, { ...all, bcrypt: [401, 401, 401] });
    assert.deepEqual(await statusAnd('www-authenticate', { host: 'file.test' }), [
      401,
      'Basic realm="the office"',
    ]);
    assert.deepEqual(
      [
        await by('map.test', 'apr1', 'open sesame'),
        await by('map.test', 'auth', 'open sesame'),
        await by('file.test', 'nobody', 'open sesame'),
        await by('file.test', 'apr1', 'x'.repeat(300)),
        await by('gone.test', 'apr1', 'open sesame'),
        await by('there.test', 'apr1', 'open sesame'),
      ],
      [200, 401, 401, 401, 500, 500],
    );
  });

  test('limits count requests by the address of the client, for all paths of an Ingress', async () => {
    const paths = { '/': 'echo-service', '/other': 'foo-exact' };
    const slow = { 'limit-rpm': '1', 'limit-burst-multiplier': '3' };
    await rig.publish(
      annotated(
        { name: 'minute', annotations: slow, host: 'minute.test', paths },
        { name: 'more', annotations: { ...slow, 'limit-rps': '1000' }, host: 'more.test', paths },
        {
          name: 'free',
          annotations: { ...slow, 'limit-whitelist': '127.0.0.0/8' },
          host: 'free.test',
          paths,
        },
        { name: 'once', annotations: { 'limit-connections': '1' }, host: 'once.test', paths },
      ),
    );
    const statuses: Record<string, number[]> = {};
    for (const host of ['minute.test', 'more.test', 'free.test', 'once.test']) {
      const found: number[] = (statuses[host] = []);
      for (let i = 0; i < 6; i++)
        found.push((await rig.ask({ host, path: i % 2 === 0 ? '/' : '/other' })).status);
    }
    const four = [200, 200, 200, 200, 503, 503];
    const all = [200, 200, 200, 200, 200, 200];
    assert.deepEqual(statuses, {
      'minute.test': four,
      'more.test': four,
      'free.test': all,
      'once.test': all,
    });
    const echo = rig.backends.get('echo-service');
    const held = rig.ask({ host: 'once.test', headers: { 'x-hold': '1' } });
    while (echo?.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await rig.ask({ host: 'once.test' })).status, 503);
    echo?.held.pop()?.();
    assert.equal((await held).status, 200);
    // HAProxy counts a request until it has done with it, which is after the client has its answer.
    while ((await rig.ask({ host: 'once.test' })).status !== 200);
  });

  test('what protects and cannot be had answers 500: authentication, snippets', async () => {
    const paths = { '/': 'echo-service' };
    const closing = {
      'auth-url': 'https://elsewhere.test/auth',
      'auth-type': 'digest',
      'configuration-snippet': 'deny all;',
      'ssl-passthrough': 'true',
      'backend-protocol': 'FCGI',
    };
    await rig.publish(
      annotated(
        ...Object.entries(closing).map(([annotation, value], index) => ({
          name: `closed-${index}`,
          annotations: { [annotation]: value },
          host: `${annotation}.test`,
          paths,
        })),
      ),
    );
    const statuses = [];
    for (const annotation of Object.keys(closing))
      statuses.push((await rig.ask({ host: `${annotation}.test` })).status);
    assert.deepEqual(statuses, [500, 500, 500, 500, 500]);
  });

  test('CORS is answered for the origins that are allowed', async () => {
    const annotations = {
      'enable-cors': 'true',
      'cors-allow-origin': 'https://good.test, https://*.fine.test',
    };
    await rig.publish(
      annotated({ name: 'cors', annotations, host: 'a.test', paths: { '/': 'echo-service' } }),
    );
    const from = (origin: string): Promise<readonly unknown[]> =>
      statusAnd('access-control-allow-origin', { host: 'a.test', headers: { origin } });
    assert.deepEqual(await from('https://good.test'), [200, 'https://good.test']);
    assert.deepEqual(await from('https://very.fine.test'), [200, 'https://very.fine.test']);
    assert.deepEqual(await from('https://bad.test'), [200, undefined]);
  });
});
