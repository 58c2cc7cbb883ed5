// How the proxy speaks to backends, in a real HAProxy: by TLS and HTTP/2, on long connections, while endpoints come and go.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer as createHttp2Server,
  connect as connectHttp2,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type { BackendTls, ProxyBackend, ProxyModel } from '../../src/model/gateway.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import { makeAuthority, type TestAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aListener, aModel, anEntry, anHttpPort, aRule, aTable } from '../support/proxy-models.ts';
import { ask, openBackend, openProxyRig, type ProxyRig, type TestBackend } from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };

describe('backends', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let plain: readonly TestBackend[];
  let authority: TestAuthority;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    plain = await Promise.all(['1', '2', '3', '4', '5', '6'].map((it) => openBackend(it, lifetime)));
    authority = makeAuthority('authority');
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  /** A path and a rule for each, called as it is. */
  const modelOf = (backends: readonly ProxyBackend[], words: Partial<ProxyModel> = {}): ProxyModel => ({
    ...aModel({
      ports: [
        anHttpPort(
          80,
          aListener(undefined, aTable(undefined, ...backends.map((it) => anEntry(`/${it.id}*`, it.id)))),
        ),
      ],
      rules: backends.map((it) => aRule(it.id, it.id)),
      backends,
    }),
    ...words,
  });

  const endpoints = (...numbers: readonly number[]): readonly Endpoint[] =>
    numbers.flatMap((it) => plain[it - 1]?.endpoint ?? []);

  async function namesOf(count: number, path = '/web'): Promise<readonly string[]> {
    const answers = [];
    for (let i = 0; i < count; i++) answers.push(await ask(rig.address, { host: 'x', path }));
    return [...new Set(answers.map((it) => String(it.headers['x-backend'] ?? it.status)))].sort();
  }

  test('endpoints come and go without a reload; equal models are no work', async () => {
    const web = (...numbers: readonly number[]) => modelOf([aBackend('web', endpoints(...numbers))]);
    const { reloads } = await rig.driver.publish(web(1));
    assert.deepEqual(await namesOf(3), ['1']);
    await rig.driver.publish(web(1, 2, 3, 4, 5));
    assert.deepEqual(await namesOf(10), ['1', '2', '3', '4', '5']);
    await rig.driver.publish(web(6));
    assert.deepEqual(await namesOf(5), ['6']);
    await rig.driver.publish(web());
    assert.deepEqual(await namesOf(1), ['503']);
    const last = await rig.driver.publish(web(2, 3));
    assert.deepEqual(await namesOf(4), ['2', '3']);
    const before = await connectionsSoFar();
    await rig.driver.publish(web(2, 3));
    assert.equal((await connectionsSoFar()) - before, 1, 'the question itself alone');
    assert.equal(last.reloads, reloads);
  });

  /** HAProxy counts those to its command socket too. */
  async function connectionsSoFar(): Promise<number> {
    return Number(/^CumConns: (\d+)$/m.exec(await commandReply('show info\n'))?.[1]);
  }

  async function commandReply(command: string): Promise<string> {
    const socket = connect({ path: `${rig.folder}/admin.sock` });
    socket.end(command);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  test('answers that were on their way arrive, and nothing more goes to endpoints of before', async () => {
    const fresh = (...numbers: readonly number[]) => modelOf([aBackend('fresh', endpoints(...numbers))]);
    await rig.driver.publish(fresh(1, 2));
    const isHeld = (count: number) => eventually(() => plain.flatMap((it) => it.held).length === count);
    const headers = { 'x-hold': '1' };
    const asks = Array.from({ length: 4 }, () => ask(rig.address, { host: 'x', path: '/fresh', headers }));
    await isHeld(4);
    await rig.driver.publish(fresh());
    await rig.driver.publish(fresh(3, 4));
    for (const answer of plain.flatMap((it) => it.held.splice(0))) answer();
    await Promise.all(asks);
    assert.deepEqual(await namesOf(8, '/fresh'), ['3', '4']);
  });

  /** A connection that a backend has upgraded to an echo. */
  async function upgraded(path: string): Promise<Socket> {
    const key = 'AAAAAAAAAAAAAAAAAAAAAA==';
    // HAProxy looks whether the backend has read the key (RFC 6455 4.2.2).
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    for (const { server } of plain)
      if (server.listenerCount('upgrade') === 0)
        server.on('upgrade', (_request, socket: Socket) => {
          socket.on('error', () => undefined);
          const head = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'];
          socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));

          socket.pipe(socket);
        });
    const socket = connect({ host: rig.address, port: 80 });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`); // prettier-ignore
    assert.match(await nextText(socket), /^HTTP\/1.1 101/);
    return socket;
  }

  test('a connection that is upgraded is nothing to mirror', async () => {
    const copied = aRule('copied', 'copied', { filters: [{ kind: 'mirror', backend: 'seen', share: 1 }] });
    const backends = [aBackend('copied', endpoints(1)), aBackend('seen', endpoints(2))];
    await rig.driver.publish(modelOf(backends, { rules: new Map([['copied', copied]]) }));
    const seen = plain[1]?.seen ?? [];
    seen.splice(0);
    const socket = await upgraded('/copied/upgraded');
    assert.equal(await echoed(socket, 'not for others'), 'not for others');
    socket.destroy();
    await ask(rig.address, { host: 'x', path: '/copied/plain' });
    await eventually(() => seen.length === 1);
    assert.equal((JSON.parse(seen[0] ?? '') as { readonly url: string }).url, '/copied/plain');
  });

  async function echoed(socket: Socket, text: string): Promise<string> {
    socket.write(text);
    return nextText(socket);
  }

  test('TLS to backends: who is not who he should be is not spoken to', async () => {
    const server = authority.sign('inner.test');
    const secure = await openTls('secure', {
      cert: server.certificate,
      key: server.key,
      ca: authority.certificate,
    });
    const tls = (words: Partial<BackendTls> = {}): { readonly tls: BackendTls } => ({
      tls: {
        hostname: 'inner.test',
        isVerified: true,
        authorities: ['ca'],
        clientCertificate: undefined,
        ...words,
      },
    });
    const { problems } = await rig.driver.publish(
      modelOf(
        [
          aBackend('good', [secure], tls()),
          aBackend('client', [secure], tls({ clientCertificate: 'me' })),
          aBackend('wrong-host', [secure], tls({ hostname: 'other.test' })),
          aBackend('wrong-ca', [secure], tls({ authorities: ['other'] })),
          aBackend('no-ca', [secure], tls({ authorities: ['gone'] })),
          aBackend('system', [secure], tls({ authorities: [] })),
          aBackend('anybody', [secure], tls({ isVerified: false, hostname: '', authorities: [] })),
        ],
        {
          authorities: new Map([
            ['ca', authority.certificate],
            ['other', makeAuthority('other').certificate],
          ]),
          certificates: new Map([['me', { id: 'me', pem: authority.sign('me.test').pem, names: [] }]]),
        },
      ),
    );
    assert.deepEqual([...problems.keys()].sort(), ['gone', 'no-ca']);
    const got: Record<string, string> = {};
    for (const path of ['good', 'client', 'wrong-host', 'wrong-ca', 'no-ca', 'system', 'anybody']) {
      const { status, body } = await ask(rig.address, { host: 'x', path: `/${path}` });
      got[path] = status === 200 ? body : String(status);
    }
    assert.deepEqual(got, {
      good: 'inner.test from nobody',
      client: 'inner.test from me.test',
      'wrong-host': '503',
      'wrong-ca': '503',
      anybody: 'false from nobody',
      'no-ca': '503',
      system: '503',
    });
  });

  test('a killed HAProxy comes back without files that nothing uses any more', async () => {
    const tls = {
      hostname: 'inner.test',
      isVerified: true,
      authorities: ['ca'],
      clientCertificate: undefined,
    };
    const authorities = new Map([['ca', authority.certificate]]);
    await rig.driver.publish(modelOf([aBackend('way', endpoints(1, 2), { tls })], { authorities }));
    await rig.driver.publish(modelOf([aBackend('way', endpoints(1))]));
    const { pid } = rig.process;
    process.kill(pid ?? 0, 'SIGKILL');
    await eventually(() => rig.process.pid !== undefined && rig.process.pid !== pid);
    await eventually(async () => assert.deepEqual(await namesOf(1, '/way'), ['1']));
    // Servers of before are gone: names of new ones are none of those that are there.
    await rig.driver.publish(modelOf([aBackend('way', endpoints(1, 2, 3, 4, 5))]));
    assert.deepEqual(await namesOf(10, '/way'), ['1', '2', '3', '4', '5']);
  });

  async function openTls(
    name: string,
    options: { cert: string; key: string; ca: string },
  ): Promise<Endpoint> {
    const asking = { ...options, requestCert: true, rejectUnauthorized: false };
    const server = createHttpsServer(asking, (request, response) => {
      const socket = request.socket as TLSSocket & { servername: string };
      const client = socket.getPeerCertificate().subject?.CN ?? 'nobody';
      response.end(`${socket.servername} from ${String(client)}`);
    });
    return opened(name, server);
  }

  test('sessions stay with their endpoint as long as it is there', async () => {
    const kept = (type: 'cookie' | 'header', name: string): Partial<ProxyBackend> => ({
      persistence: { type, name, absoluteTimeoutMs: 60_000, cookieLifetime: 'permanent' },
    });
    const model = (...numbers: readonly number[]) =>
      modelOf([
        aBackend('cook', endpoints(...numbers), kept('cookie', 'session')),
        aBackend('head', endpoints(...numbers), kept('header', 'x-session')),
        aBackend('bad', endpoints(...numbers), kept('cookie', 'a b')),
      ]);
    const { problems } = await rig.driver.publish(model(1, 2, 3));
    assert.deepEqual([...problems.keys()], ['bad']);
    const answers = async (path: string, headers: Readonly<Record<string, string>>) => {
      const all = [];
      for (let i = 0; i < 6; i++) all.push(await ask(rig.address, { host: 'x', path, headers }));
      return all;
    };
    const first = await ask(rig.address, { host: 'x', path: '/cook' });
    const [cookie = ''] = first.headers['set-cookie'] ?? [];
    assert.match(cookie, /^session=[0-9a-f-]{36}; Path=\/; HttpOnly; Max-Age=60$/);
    const session = { cookie: cookie.split(';')[0] ?? '' };
    const at = first.headers['x-backend'];
    const same = await answers('/cook', session);
    assert.deepEqual(new Set(same.map((it) => it.headers['x-backend'])), new Set([at]));
    assert.equal(same[0]?.headers['set-cookie'], undefined);
    assert.equal(new Set((await answers('/cook', {})).map((it) => it.headers['x-backend'])).size, 3);
    const token = String((await ask(rig.address, { host: 'x', path: '/head' })).headers['x-session']);
    const held = await answers('/head', { 'x-session': token });
    assert.equal(new Set(held.map((it) => it.headers['x-backend'])).size, 1);
    await rig.driver.publish(model(...[1, 2, 3].filter((it) => String(it) !== at)));
    const moved = await answers('/cook', session);
    assert.equal(new Set(moved.map((it) => it.headers['x-backend'])).size, 1);
    assert.notEqual(moved[0]?.headers['x-backend'], at);
  });

  test('HTTP/2 in the clear to backends, with trailers', async () => {
    const server = createHttp2Server();
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (it) => sessions.add(it));
    const calls: string[] = [];
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      let length = 0;
      stream.on('data', (chunk: Buffer) => (length += chunk.length));
      stream.once('end', () => calls.push(`${headers[':path']} ${String(headers.te)} ${length}`));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.pipe(stream);
    });
    const endpoint = await opened('h2', server, () => sessions.forEach((it) => it.destroy()));
    const backend = aBackend('h2', [endpoint], { protocol: 'h2c' });
    const { reloads } = await rig.driver.publish(modelOf([]));
    assert.equal((await rig.driver.publish(modelOf([backend]))).reloads, reloads);
    assert.deepEqual(await called('/h2'), ['1', 'x'.repeat(50_000), '0']);
    // The same by the way of those that are copied.
    const copied = aRule('h2', 'h2', { filters: [{ kind: 'mirror', backend: 'h2', share: 1 }] });
    await rig.driver.publish(modelOf([backend], { rules: new Map([['h2', copied]]) }));
    assert.deepEqual(await called('/h2/copied'), ['1', 'x'.repeat(50_000), '0']);
    await eventually(() => calls.length === 3);
    assert.deepEqual(
      calls,
      ['/h2', '/h2/copied', '/h2/copied'].map((it) => `${it} trailers 50001`),
    );
  });

  /** What an echo of gRPC answers to "1", what to the rest that comes only then, and its status. */
  async function called(path: string): Promise<readonly unknown[]> {
    const client = connectHttp2(`http://${rig.address}`);
    const headers = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = client.request({ ':path': path, ':method': 'POST', ...headers }).setEncoding('latin1');
    let trailers: unknown;
    stream.on('trailers', (it) => (trailers = it['grpc-status']));
    stream.write('1');
    const [first] = (await once(stream, 'data')) as [string];
    stream.end('x'.repeat(50_000));
    let rest = '';
    for await (const chunk of stream) rest += String(chunk);
    client.destroy();
    return [first, rest, trailers];
  }

  async function opened(name: string, server: Server, close?: () => void): Promise<Endpoint> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    lifetime.defer(name, () => {
      close?.();
      if ('closeAllConnections' in server)
        (server as unknown as { closeAllConnections(): void }).closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return { ip: parseIp('127.0.0.1'), port: parsePort((server.address() as AddressInfo).port) };
  }

  test('many backends need a reload that nobody notices', async () => {
    const model = (count: number) =>
      modelOf(Array.from({ length: count }, (_, i) => aBackend(`web${i}`, endpoints(1 + (i % 6)))));
    const { reloads } = await rig.driver.publish(model(2));
    const held = await upgraded('/web0');
    let isOver = false;
    const outcomes: string[] = [];
    const traffic = (async () => {
      while (!isOver) outcomes.push(...(await namesOf(1, '/web0')));
    })();
    const after = await rig.driver.publish(model(40));
    assert.equal(after.reloads, reloads + 1);
    isOver = true;
    await traffic;
    assert.deepEqual([...new Set(outcomes)], ['1']);
    assert.deepEqual(await namesOf(2, '/web39'), ['4']);
    assert.equal(await echoed(held, 'through it all'), 'through it all');
    held.destroy();
  });
});

async function nextText(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('The connection ended')));
  });
}
