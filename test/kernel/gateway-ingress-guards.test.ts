// Who may ask what, as the annotations of ingress-nginx have it, in a real HAProxy.

import assert from 'node:assert/strict';
import { createServer as createSecureServer } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { makeAuthority } from '../support/certificates.ts';
import { annotated } from '../support/ingress-manifests.ts';
import { openIngressRig, type IngressRig, type Seen } from '../support/ingress-rig.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { HASHED, passwordSecret } from '../support/passwords.ts';
import { ownName } from '../support/own-name.ts';
import type { Ask } from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };

describe('guards of Ingresses', () => {
  let clean: LeakSnapshot;
  let rig: IngressRig;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openIngressRig(['echo-service', 'foo-exact', 'auth', 'sealed']);
  });
  after(async () => {
    await rig.close();
    await assertNoLeaks(clean, SCOPE);
  });

  async function statusAnd(header: string, words: Ask): Promise<readonly unknown[]> {
    const { status, headers } = await rig.ask(words);
    return [status, headers[header]];
  }

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

  test('auth-url is asked as nginx asks, and who is not known is sent to sign in', async () => {
    const questions: unknown[] = [];
    rig.answerBy('auth', ({ method, url, headers }, response) => {
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

  test('ssl-passthrough hands TLS on as it came, for hosts that no older Ingress has', async () => {
    const { certificate, key } = makeAuthority('authority').sign('sealed.test');
    const tls = createSecureServer({ cert: certificate, key }, (_, response) =>
      response.end(JSON.stringify({ name: 'sealed' })),
    );
    const server = rig.backends.get('sealed')?.server;
    server?.removeAllListeners('connection').on('connection', (socket) => tls.emit('connection', socket));
    const annotations = { 'ssl-passthrough': 'true' };
    const paths = { '/': 'sealed' };
    const guard = { 'whitelist-source-range': '0.0.0.0/0' };
    await rig.publish(
      annotated(
        { name: 'sealed', annotations, host: 'sealed.test', paths },
        { name: 'a-first', annotations: {}, host: 'taken.test', paths: { '/': 'echo-service' } },
        { name: 'b-second', annotations, host: 'taken.test', paths: { '/x': 'sealed', '/': 'sealed' } },
        { name: 'guarded', annotations: { ...annotations, ...guard }, host: 'guarded.test', paths },
      ),
    );
    const nobody = 'Fairlead Ingress';
    assert.deepEqual(await rig.overTls('sealed.test'), ['sealed', 'sealed.test']);
    assert.deepEqual(await rig.overTls('taken.test'), ['echo-service', nobody]);
    await assert.rejects(rig.overTls('guarded.test'));
    assert.deepEqual(await statusAnd('location', { host: 'sealed.test', path: '/x' }), [
      308,
      'https://sealed.test/x',
    ]);
  });

  test('auth-tls-secret asks clients for certificates, by the name that they ask for', async () => {
    const [ours, theirs] = [makeAuthority('ours'), makeAuthority('theirs')];
    const [good, wrong] = [ours.sign('me'), theirs.sign('me')];
    const secret = {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { namespace: 'default', name: 'clients' },
      type: 'Opaque',
      data: { 'ca.crt': Buffer.from(ours.certificate).toString('base64') },
    };
    const paths = { '/': 'echo-service' };
    const asks = { 'auth-tls-secret': 'default/clients' };
    const more = { ...asks, 'auth-tls-pass-certificate-to-upstream': 'true' };
    await rig.publish(
      [
        annotated(
          { name: 'on', annotations: more, host: 'on.test', paths },
          {
            name: 'may',
            annotations: { ...asks, 'auth-tls-verify-client': 'optional' },
            host: 'may.test',
            paths,
          },
          {
            name: 'other',
            annotations: { ...asks, 'auth-tls-match-cn': 'CN=other' },
            host: 'other.test',
            paths,
          },
          { name: 'gone', annotations: { 'auth-tls-secret': 'gone' }, host: 'gone.test', paths },
          { name: 'star', annotations: asks, host: '*.star.test', paths },
          { name: 'plain', annotations: {}, host: 'plain.test', paths },
        ),
        JSON.stringify(secret),
      ].join('\n---\n'),
    );
    const told = ['verify', 'subject-dn', 'issuer-dn'].map((it) => `ssl-client-${it}`);
    const by = async (host: string, client: object): Promise<unknown> => {
      const forged = Object.fromEntries([...told, 'ssl-client-cert'].map((it) => [it, 'forged']));
      const { status, body } = await rig.askTls(host, { ...client, headers: forged });
      if (status !== 200) return status;
      const { headers } = JSON.parse(body) as Seen;
      const pem = decodeURIComponent(headers['ssl-client-cert'] ?? '');
      return [...told.map((it) => headers[it]), pem === good.certificate ? 'certificate' : pem];
    };
    assert.deepEqual(await by('on.test', good), ['SUCCESS', 'CN=me', 'CN=ours', 'certificate']);
    assert.deepEqual(await by('may.test', good), ['SUCCESS', 'CN=me', 'CN=ours', '']);
    assert.deepEqual(await by('may.test', {}), ['NONE', undefined, undefined, '']);
    assert.equal(await by('may.test', wrong), 403);
    assert.equal(await by('other.test', good), 403);
    await assert.rejects(rig.askTls('on.test'), /certificate required/);
    assert.equal(await by('on.test', wrong), 403);
    assert.equal(await by('gone.test', good), 500);
    assert.equal(await by('a.star.test', good), 500);
    assert.deepEqual(await by('plain.test', {}), ['forged', 'forged', 'forged', 'forged']);
    assert.equal((await rig.ask({ host: 'on.test' })).status, 308);
    const elsewhere = await rig.askTls('plain.test', { headers: { host: 'on.test' } });
    assert.equal(elsewhere.status, 421);
  });

  test('what protects and cannot be had answers 500: authentication, snippets', async () => {
    const paths = { '/': 'echo-service' };
    const closing = {
      'auth-url': 'https://elsewhere.test/auth',
      'auth-type': 'digest',
      'configuration-snippet': 'deny all;',
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
    assert.deepEqual(statuses, [500, 500, 500, 500]);
  });
});
