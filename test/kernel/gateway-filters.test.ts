// What filters, timeouts and retries of routes do to requests and answers, in a real HAProxy.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import type { ProxyFilter, ProxyHeaderChange } from '../../src/model/gateway.ts';
import { parsePort } from '../../src/base/port.ts';
import { eventually } from '../support/eventually.ts';
import { aBackend, aModel, anEntry, aRule } from '../support/proxy-models.ts';
import { ask, METRICS_PORT, type Ask } from '../support/proxy-rig.ts';
import { oneTable, RouteBed, seen, type Seen } from '../support/route-bed.ts';

describe('filters', () => {
  let bed: RouteBed;
  before(async () => {
    bed = await RouteBed.open();
  });
  after(() => bed.close());

  async function publishFilters(all: Readonly<Record<string, readonly ProxyFilter[]>>): Promise<void> {
    const rules = Object.entries(all).map(([path, filters]) => aRule(path, 'a', { filters }));
    await bed.publish(
      [oneTable(...rules.map((it) => anEntry(it.id, it.id)))],
      new Map(rules.map((it) => [it.id, it])),
    );
  }

  const change = (words: Partial<ProxyHeaderChange>): ProxyHeaderChange => ({
    set: [],
    add: [],
    remove: [],
    ...words,
  });

  test('headers of requests and responses', async () => {
    const words = change({
      set: [{ name: 'X-Set', value: 'a "b" \\ %; é' }],
      add: [{ name: 'X-Add', value: 'more' }],
      remove: ['X-Gone'],
    });
    await publishFilters({
      '/q*': [{ kind: 'request-headers', ...words }],
      '/s*': [
        { kind: 'response-headers', ...words, remove: ['X-Backend'] },
        { kind: 'response-headers', ...change({ add: [{ name: 'x-add', value: 'again' }] }) },
      ],
      '/host*': [{ kind: 'request-headers', ...change({ set: [{ name: 'Host', value: 'inner' }] }) }],
    });
    const { headers } = seen(
      await bed.asked({ path: '/q', headers: { 'x-set': 'was', 'x-add': 'one', 'x-gone': 'was' } }),
    );
    assert.deepEqual(
      [Buffer.from(headers['x-set'] ?? '', 'latin1').toString('utf8'), headers['x-add'], headers['x-gone']],
      ['a "b" \\ %; é', 'one, more', undefined],
    );
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-proto'], 'http');
    const answer = await bed.asked({ path: '/s' });
    assert.deepEqual([answer.headers['x-add'], answer.headers['x-backend']], ['more, again', undefined]);
    assert.equal(seen(await bed.asked({ path: '/host' })).headers['host'], 'inner');
  });

  test('redirects say where as the specification has it', async () => {
    const to = (words: Partial<ProxyFilter & { kind: 'redirect' }>): readonly ProxyFilter[] => [
      {
        kind: 'redirect',
        scheme: undefined,
        hostname: undefined,
        port: undefined,
        path: undefined,
        statusCode: 302,
        ...words,
      },
    ];
    const prefix = (value: string) => to({ path: { type: 'prefix', value } });
    await publishFilters({
      '/host*': to({ hostname: 'new.example', statusCode: 301 }),
      '/https*': to({ scheme: 'https' }),
      '/port*': to({ port: parsePort(8080) }),
      '/both*': to({ scheme: 'https', port: parsePort(80) }),
      '/full*': to({ path: { type: 'full', value: '/there' } }),
      '/foo*': prefix('/xyz/'),
      '/bar/*': prefix('/xyz'),
      '/cut*': prefix(''),
      '/root*': prefix('/'),
    });
    const rows: readonly (readonly [path: string, status: number, location: string])[] = [
      ['/host/a?b=c', 301, 'http://new.example/host/a?b=c'],
      ['/https', 302, 'https://x.example/https'],
      ['/port', 302, 'http://x.example:8080/port'],
      ['/both', 302, 'https://x.example:80/both'],
      ['/full/x?y', 302, 'http://x.example/there?y'],
      ['/foo/bar', 302, 'http://x.example/xyz/bar'],
      ['/foo', 302, 'http://x.example/xyz'],
      ['/foo/', 302, 'http://x.example/xyz/'],
      ['/bar/bar', 302, 'http://x.example/xyz/bar'],
      ['/cut/bar', 302, 'http://x.example/bar'],
      ['/cut/', 302, 'http://x.example/'],
      ['/cut', 302, 'http://x.example/'],
      ['/root/', 302, 'http://x.example/'],
      ['/root', 302, 'http://x.example/'],
    ];
    const got: unknown[] = [];
    for (const [path] of rows) {
      const { status, headers } = await bed.asked({ path });
      got.push([path, status, headers.location]);
    }
    assert.deepEqual(got, rows);
  });

  test('rewrites change what the backend is asked', async () => {
    await publishFilters({
      '/a*': [{ kind: 'rewrite', hostname: 'in.example', path: { type: 'prefix', value: '/new' } }],
      '/b*': [{ kind: 'rewrite', hostname: undefined, path: { type: 'full', value: '/all' } }],
      '/c*': [{ kind: 'rewrite', hostname: undefined, path: { type: 'prefix', value: '/' } }],
    });
    const got = await Promise.all(
      ['/a/x?q', '/b/x?q', '/c', '/c/d'].map(async (path) => seen(await bed.asked({ path }))),
    );
    assert.deepEqual(
      got.map((it) => [it.headers['host'], it.url]),
      [
        ['in.example', '/new/x?q'],
        ['x.example', '/all?q'],
        ['x.example', '/'],
        ['x.example', '/d'],
      ],
    );
  });

  test('mirrors get copies, whole ones, by their share', async () => {
    const mirror = (backend: string, share: number): ProxyFilter => ({ kind: 'mirror', backend, share });
    const rename = { kind: 'request-headers' as const, ...change({ set: [{ name: 'x-new', value: 'n' }] }) };
    await publishFilters({
      '/two*': [rename, mirror('b', 1), mirror('c', 1)],
      '/none*': [mirror('b', 0)],
      '/half*': [mirror('d', 0.5)],
    });
    const body = 'body'.repeat(4000);
    const copies = bed.opened.map((it) => it.seen);
    copies.forEach((it) => it.splice(0));
    await bed.asked({ path: '/none' });
    const headers = { 'x-fairlead-backend': 'b0001', 'x-h': ['1', '2'] };
    const main = seen(await bed.asked({ path: '/two?q=1', method: 'POST', body, headers }));
    assert.deepEqual([main.name, main.headers['x-forwarded-for']], ['a', '127.0.0.1']);
    await eventually(() => copies[1]?.length === 1 && copies[2]?.length === 1);
    for (const [copy] of [copies[1] ?? [], copies[2] ?? []]) {
      const words = JSON.parse(copy ?? '') as Seen & { readonly method: string; readonly body: string };
      const got = [
        words.method,
        words.url,
        words.body === body,
        words.headers['x-new'],
        words.headers['x-h'],
        words.headers['host'],
        words.headers['x-forwarded-for'],
      ];
      assert.deepEqual(got, ['POST', '/two?q=1', true, 'n', '1, 2', 'x.example', '127.0.0.1']);
    }
    await Promise.all(Array.from({ length: 200 }, () => bed.asked({ path: '/half' })));
    // Copies come later than the answers; six standard deviations.
    await eventually(() => (copies[3]?.length ?? 0) > 58);
    assert.ok((copies[3]?.length ?? 0) < 142);
  });

  test('mirrors get bodies of every length and method, up to 8 MiB, and of whole requests alone', async () => {
    const got: Record<string, string[]> = { main: [], one: [], two: [] };
    const sinks = await Promise.all(
      Object.entries(got).map(async ([name, list]) => aBackend(name, [await openSink(list)])),
    );
    const mirror = (backend: string): ProxyFilter => ({ kind: 'mirror', backend, share: 1 });
    const rules = [aRule('/copied*', 'main', { filters: [mirror('one'), mirror('two')] })];
    const ports = [oneTable(anEntry('/copied*', '/copied*'))];
    await bed.rig.driver.publish(aModel({ ports, rules, backends: sinks }));
    const chunked = { 'transfer-encoding': 'chunked' };
    const mebibyte = 1024 * 1024;
    const sent: Ask[] = [
      { path: '/copied/1', method: 'POST', body: 'long'.repeat(mebibyte) },
      { path: '/copied/2', method: 'PATCH', headers: chunked, body: 'chunks'.repeat(mebibyte) },
      { path: '/copied/3', method: 'OPTIONS' },
      { path: '/copied/4', method: 'REPORT', body: 'r' },
      { path: '/copied/5', method: 'DELETE' },
    ];
    await Promise.all(sent.map((it) => bed.asked(it)));
    // More than is kept at a time, all of it given back.
    const broken = `POST /copied/broken HTTP/1.1\r\nhost: x\r\ncontent-length: 6291457\r\n\r\n${'broken'.repeat(mebibyte)}`;
    for (let i = 0; i < 12; i++) await bed.brokenOff(broken);
    const last: Ask = { path: '/copied/6', method: 'POST', body: 'long'.repeat(mebibyte) };
    sent.push(last);
    await bed.asked(last);
    await eventually(() => got['one']?.length === sent.length && got['two']?.length === sent.length);
    const wanted = sent
      .map(({ path, method, body = '' }) => `${method} ${path} ${digestOf([body])}`)
      .toSorted();
    assert.deepEqual(
      Object.values(got).map((it) => it.toSorted()),
      [wanted, wanted, wanted],
    );

    const before = await leftOut();
    const body = 'too long'.repeat(mebibyte + 1);
    for (const headers of [{}, chunked]) await bed.asked({ path: '/copied', method: 'PUT', headers, body });
    await eventually(async () => (await leftOut()) === before + 4);
    const whole = `PUT /copied ${digestOf([body])}`;
    assert.deepEqual(
      Object.values(got).map((it) => it.slice(sent.length)),
      [[whole, whole], [], []],
    );
  });

  /** Takes in whatever it is sent: method, path and a digest of the body. */
  async function openSink(got: string[]): Promise<Endpoint> {
    return bed.openServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        got.push(`${request.method} ${request.url} ${digestOf(chunks)}`);
        response.end();
      });
    });
  }

  function digestOf(pieces: readonly (string | Buffer)[]): string {
    const hash = createHash('sha256');
    for (const it of pieces) hash.update(it);
    return hash.digest('hex').slice(0, 16);
  }

  /** Copies that were not made, as the proxy counts them. */
  async function leftOut(): Promise<number> {
    const { body } = await ask(bed.rig.address, { path: '/metrics', port: METRICS_PORT });
    return Number(/^haproxy_backend_sessions_total{proxy="mirror-left-out"} (\d+)/m.exec(body)?.[1]);
  }

  test('timeouts: who takes too long is answered for', async () => {
    const rules = [
      aRule('/request*', 'a', { requestTimeoutMs: 100 }),
      aRule('/backend*', 'a', { requestTimeoutMs: 60_000, backendTimeoutMs: 100 }),
    ];
    await bed.publish(
      [oneTable(...rules.map((it) => anEntry(it.id, it.id)))],
      new Map(rules.map((it) => [it.id, it])),
    );
    await bed.assertRows([
      [{ path: '/request' }, 'a'],
      [{ path: '/request', headers: { 'x-hold': '1' } }, '504'],
      [{ path: '/backend', headers: { 'x-hold': '1' } }, '504'],
    ]);
  });

  test('answers are asked for again, each try and all of them in their time', async () => {
    const tries: Record<string, number> = {};
    const retried = { attempts: 3, codes: [500, 503, 429] };
    const failing = await openFailing((path) => (tries[path] = (tries[path] ?? 0) + 1));
    const rules = [aRule('/codes*', 'r'), aRule('/total*', 'r', { requestTimeoutMs: 350 }), aRule('/both*', 'r', { requestTimeoutMs: 5000, backendTimeoutMs: 100 })]; // prettier-ignore
    const { backends: all } = {
      backends: new Map([...bed.backends, ['r', aBackend('r', [failing], { retry: retried })]]),
    };
    const ports = [oneTable(...rules.map((it) => anEntry(it.id, it.id)))];
    const { problems } = await bed.rig.driver.publish({ ...aModel({ ports, rules }), backends: all });
    assert.deepEqual(problems, new Map([['r', 'answers 429 cannot be asked again for']]));
    await bed.assertRows([
      [{ path: '/codes/500/2' }, 'failing'],
      [{ path: '/codes/503/3' }, 'failing'],
      [{ path: '/codes/500/9' }, '500'],
      [{ path: '/codes/502/1' }, '502'],
      [{ path: '/both/slow/2' }, 'failing'],
      [{ path: '/both/slow/9' }, '504'],
      [{ path: '/total/500/1' }, 'failing'],
      [{ path: '/total/slow/9' }, '504'],
    ]);
    assert.deepEqual(tries, {
      '/codes/500/2': 3,
      '/codes/503/3': 4,
      '/codes/500/9': 4,
      '/codes/502/1': 1,
      '/both/slow/2': 3,
      '/both/slow/9': 4,
      '/total/500/1': 2,
      '/total/slow/9': 1,
    });
  });

  /** "/x/500/2" is answered 500 twice, "/x/slow/2" not at all for two times. */
  async function openFailing(onTry: (path: string) => number): Promise<Endpoint> {
    return bed.openServer((request, response) => {
      const [, , how = '', times = ''] = request.url?.split('/') ?? [];
      const isFine = onTry(request.url ?? '') > Number(times);
      if (!isFine && how === 'slow') return;
      response.statusCode = isFine ? 200 : Number(how);
      response.end(JSON.stringify({ name: 'failing' }));
    });
  }

  test('CORS answers preflights and says who may read', async () => {
    const cors = { kind: 'cors' as const, exposeHeaders: ['x-e'], maxAgeS: 60 };
    const list = { allowMethods: ['GET', 'PUT'], allowHeaders: ['x-a', 'x-b'] };
    const any = { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'] };
    await publishFilters({
      '/some*': [
        { ...cors, ...list, allowOrigins: ['https://a.test', 'https://*.b.test'], allowCredentials: false },
      ],
      '/any*': [{ ...cors, ...any, allowCredentials: false }],
      '/creds*': [{ ...cors, ...any, allowCredentials: true }],
    });
    const got = async (path: string, origin: string, isPreflight: boolean): Promise<unknown> => {
      const asks = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-c' };
      const { status, headers } = await bed.asked({
        path,
        method: isPreflight ? 'OPTIONS' : 'GET',
        headers: { origin, ...(isPreflight ? asks : {}) },
      });
      const names = ['origin', 'credentials', 'methods', 'headers', 'expose', 'age'];
      const fields = [
        'allow-origin',
        'allow-credentials',
        'allow-methods',
        'allow-headers',
        'expose-headers',
        'max-age',
      ];
      const said = fields.flatMap((it, i) => headers[`access-control-${it}`] === undefined ? [] : [[names[i], headers[`access-control-${it}`]]]); // prettier-ignore
      return [status, Object.fromEntries(said)];
    };
    const listed = { methods: 'GET, PUT', headers: 'x-a, x-b', age: '60' };
    assert.deepEqual(await got('/some', 'https://a.test', true), [
      204,
      { origin: 'https://a.test', ...listed },
    ]);
    assert.deepEqual(await got('/some', 'https://x.y.b.test', true), [
      204,
      { origin: 'https://x.y.b.test', ...listed },
    ]);
    assert.deepEqual(await got('/some', 'https://b.test', true), [204, {}]);
    assert.deepEqual(await got('/some', 'https://evil.test/.b.test', true), [204, {}]);
    assert.deepEqual(await got('/some', 'https://a.test', false), [
      200,
      { origin: 'https://a.test', expose: 'x-e' },
    ]);
    assert.deepEqual(await got('/some', 'http://a.test', false), [200, {}]);
    assert.deepEqual(await got('/any', 'https://q', true), [
      204,
      { origin: '*', methods: '*', headers: '*', age: '60' },
    ]);
    assert.deepEqual(await got('/creds', 'https://q', true), [
      204,
      { origin: 'https://q', credentials: 'true', methods: 'PUT', headers: 'x-c', age: '60' },
    ]);
  });
});
