// What the annotations of ingress-nginx do to requests, in a real HAProxy.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { annotated, type AnIngress } from '../support/ingress-manifests.ts';
import { openIngressRig, type IngressRig, type Seen } from '../support/ingress-rig.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import type { Ask } from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };

describe('annotations of Ingresses', () => {
  let clean: LeakSnapshot;
  let rig: IngressRig;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openIngressRig(['echo-service', 'foo-exact', 'foo-prefix', 'failing'], {
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

  test("cert-manager's solver has its path beside whatever else is said of the name", async () => {
    const token = '/.well-known/acme-challenge/token-1';
    const solver = (host: string): AnIngress => ({
      name: `cm-acme-http-solver-${host}`,
      annotations: { 'whitelist-source-range': '0.0.0.0/0,::/0' },
      host,
      paths: { [token]: 'foo-exact' },
    });
    await rig.publish(
      annotated(
        {
          name: 'tls',
          annotations: { 'force-ssl-redirect': 'true' },
          host: 'a.test',
          paths: { '/': 'echo-service' },
        },
        solver('a.test'),
        {
          name: 'regex',
          annotations: { 'rewrite-target': '/$1' },
          host: 'b.test',
          paths: { '/(.*)': 'echo-service' },
        },
        solver('b.test'),
      ),
    );
    assert.deepEqual(await statusAnd('location', { host: 'a.test', path: '/' }), [308, 'https://a.test/']);
    for (const host of ['a.test', 'b.test']) {
      const { url, name } = await seenBy({ host, path: token });
      assert.deepEqual([name, url], ['foo-exact', token]);
    }
    assert.equal((await seenBy({ host: 'b.test', path: '/else' })).name, 'echo-service');
  });

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

  test('the name with www. is redirected where nobody has it; copies go where they are to go', async () => {
    const annotations = {
      'from-to-www-redirect': 'true',
      'mirror-target': 'http://failing.default.svc.cluster.local:8080$request_uri',
    };
    const paths = { '/': 'echo-service', '/failing': 'failing' };
    await rig.publish(
      annotated(
        { name: 'a', annotations, host: 'a.test', paths },
        { name: 'b', annotations, host: 'www.b.test', paths },
        { name: 'c', annotations, host: 'c.test', paths },
        { name: 'd', annotations: {}, host: 'www.c.test', paths },
      ),
    );
    const at = (host: string): Promise<readonly unknown[]> => statusAnd('location', { host, path: '/x?q=1' });
    assert.deepEqual(await at('www.a.test'), [308, 'http://a.test/x?q=1']);
    assert.deepEqual(await at('b.test'), [308, 'http://www.b.test/x?q=1']);
    assert.deepEqual(await at('www.c.test'), [200, undefined]);
    const mirror = rig.backends.get('failing');
    assert.ok(mirror);
    // Copies of the requests before may come as late as they like.
    const copied = new Promise<void>((resolve) => {
      mirror.server.on('request', ({ url }: IncomingMessage) => url === '/copied' && resolve());
    });
    assert.equal(await rig.whoAnswers({ host: 'a.test', path: '/copied' }), 'echo-service');
    await copied;
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
    rig.answerBy('failing', ({ method, url = '', headers }, response) => {
      const key = `${headers.host} ${method} ${url}`;
      tries[key] = (tries[key] ?? 0) + 1;
      response.writeHead(Number(url.slice(1))).end('{}');
    });
    const paths = { '/': 'failing' };
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
