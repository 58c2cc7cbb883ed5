// Who is asked whether a request may go on, over HTTP and by gRPC, in a real HAProxy.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import { SHOWN_BYTES, type ProxyFilter } from '../../src/model/gateway.ts';
import {
  encode,
  framed,
  openAuthorizer,
  textAt,
  valuesAt,
  type Message,
  type Reply,
} from '../support/authorizer.ts';
import { aBackend, aModel, anEntry, aRule } from '../support/proxy-models.ts';
import { seeded } from '../states/refusing-kernel.ts';
import { oneTable, RouteBed, seen } from '../support/route-bed.ts';

const NOTHING: Buffer = Buffer.alloc(0);

type ExternalAuth = ProxyFilter & { readonly kind: 'external-auth' };

describe('external authorization', () => {
  let bed: RouteBed;
  before(async () => {
    bed = await RouteBed.open();
  });
  after(() => bed.close());

  function auth(backend: string, words: Partial<ExternalAuth> = {}): ExternalAuth {
    return {
      kind: 'external-auth',
      protocol: 'http',
      backend,
      pathPrefix: '',
      allowedHeaders: [],
      allowedResponseHeaders: [],
      forwardBodyBytes: 0,
      ...words,
    };
  }

  /** Paths whose requests are asked about, at these authorities. Gives the ids of rules that cannot be followed. */
  async function publish(
    filters: Readonly<Record<string, ProxyFilter>>,
    authorities: Readonly<Record<string, readonly Endpoint[]>>,
    protocol: 'http' | 'h2c' = 'http',
  ): Promise<readonly string[]> {
    const rules = Object.entries(filters).map(([path, it]) => aRule(path, 'a', { filters: [it] }));
    const ports = [oneTable(...rules.map((it) => anEntry(it.id, it.id)))];
    const more = Object.entries(authorities).map(([name, list]) => aBackend(name, list, { protocol }));
    const backends = new Map([...bed.backends, ...more.map((it) => [it.id, it] as const)]);
    const { problems } = await bed.rig.driver.publish({ ...aModel({ ports, rules }), backends });
    return [...problems.keys()];
  }

  test('somebody else is asked whether a request may go on', async () => {
    const questions: string[] = [];
    const endpoint = await bed.openServer((request, response) => {
      const { headers, method, url } = request;
      questions.push(
        `${method} ${url} ${String(headers['x-seen'])} ${String(headers['x-hidden'])} ${String(headers.host)} ${String(headers['content-length'])}`,
      );
      const isFine = headers.authorization === 'fine';
      response.writeHead(
        isFine ? 200 : 401,
        isFine
          ? { 'x-user': 'me', 'x-more': 'no', 'content-type': 'text/html' }
          : { 'www-authenticate': 'Basic' },
      );
      response.end(isFine ? '' : 'who are you');
    });
    const lists = { allowedHeaders: ['X-Seen', 'Content-Length'], allowedResponseHeaders: ['X-User'] };
    const filters = {
      '/auth*': auth('auth', { ...lists, pathPrefix: '/check' }),
      '/all*': auth('auth'),
      '/gone*': auth('nobody'),
      '/away*': auth('away'),
    };
    assert.deepEqual(await publish(filters, { auth: [endpoint], away: [] }), ['/gone*']);
    const headers = { 'x-seen': 's', 'x-hidden': 'h', 'x-user': 'forged' };
    const fine = await bed.asked({ path: '/auth/x?y', headers: { ...headers, authorization: 'fine' } });
    assert.deepEqual(
      [fine.status, seen(fine).name, seen(fine).headers['x-user'], seen(fine).headers['x-more']],
      [200, 'a', 'me', undefined],
    );
    const all = seen(await bed.asked({ path: '/all', headers: { ...headers, authorization: 'fine' } }));
    assert.deepEqual(
      [all.headers['x-user'], all.headers['x-more'], all.headers['content-type']],
      ['me', 'no', undefined],
    );
    const denied = await bed.asked({ path: '/auth/x', headers, method: 'PATCH' });
    assert.deepEqual(
      [denied.status, denied.headers['www-authenticate'], denied.body],
      [401, 'Basic', 'who are you'],
    );
    assert.deepEqual(questions, [
      'GET /check/auth/x?y s undefined x.example 0',
      'GET /all undefined undefined x.example 0',
      'PATCH /check/auth/x s undefined x.example 0',
    ]);
    await bed.assertRows([
      [{ path: '/gone' }, '500'],
      [{ path: '/away' }, '503'],
    ]);
  });

  test('bodies are shown whole, or the request is refused', async () => {
    const shown: string[] = [];
    const endpoint = await bed.openServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        shown.push(`${request.method} ${Buffer.concat(chunks).length} ${request.headers['content-length']}`);
        response.end();
      });
    });
    const most = { forwardBodyBytes: 65_535 };
    await publish(
      { '/some*': auth('auth', { forwardBodyBytes: 10 }), '/most*': auth('auth', most) },
      { auth: [endpoint] },
    );
    const chunked = { 'transfer-encoding': 'chunked' };
    const statusOf = async (path: string, bytes: number, headers = {}): Promise<string> => {
      const { status, body } = await bed.asked({ path, method: 'POST', headers, body: 'x'.repeat(bytes) });
      return status === 200
        ? String((JSON.parse(body) as { readonly body: string }).body.length)
        : `${status}`;
    };
    const got: string[] = [];
    for (const headers of [{}, chunked])
      for (const bytes of [0, 10, 11]) got.push(await statusOf('/some', bytes, headers));
    for (const bytes of [SHOWN_BYTES, SHOWN_BYTES + 1, 100_000])
      got.push(await statusOf('/most', bytes, chunked));
    // Beside such a header the buffer has no place for all of it.
    got.push(await statusOf('/most', SHOWN_BYTES, { ...chunked, 'x-long': 'h'.repeat(9000) }));
    assert.deepEqual(got, ['0', '10', '413', '0', '10', '413', String(SHOWN_BYTES), '413', '413', '413']);
    assert.deepEqual(shown, [
      'POST 0 0',
      'POST 10 10',
      'POST 0 0',
      'POST 10 10',
      `POST ${SHOWN_BYTES} ${SHOWN_BYTES}`,
    ]);
  });

  const pair = (key: string, value: string): Message => [[1, key], [2, value]]; // prettier-ignore
  const option = (name: string, value: string, words: Message = []): Message => [
    [1, pair(name, value)],
    ...words,
  ];
  const APPENDED: Message = [[2, [[1, 1]]]];
  const IF_ABSENT: Message = [[3, 1]];
  const IF_THERE: Message = [[3, 3]];

  test('authorities of gRPC are told the request, and say what becomes of it', async () => {
    const checks: [path: string, check: Buffer][] = [];
    let message: Message = [];
    const endpoint = await openAuthorizer(bed.lifetime, (path, check) => {
      checks.push([path, check]);
      return { body: framed(message), grpcStatus: '0' };
    });
    const grpc = { protocol: 'grpc', forwardBodyBytes: 100 } as const;
    const filters = {
      '/grpc*': auth('auth', grpc),
      '/some*': auth('auth', { ...grpc, allowedHeaders: ['X-A'] }),
    };
    await publish(filters, { auth: [endpoint] }, 'h2c');
    const headers = { 'x-a': ['1', '2'], 'x-b': 'b', 'x-gone': 'g', authorization: 'secret' };
    message = [[3, [
      [2, option('X-User', 'me')], [2, option('x-a', '3', APPENDED)], [2, option('x-b', 'no', IF_ABSENT)], [2, option('x-c', 'no', IF_THERE)],
      [2, option('content-length', '7')], [2, option('host', 'other')], [2, option(':path', '/other')],
      [5, 'X-Gone'], [5, 'authorization'], [5, 'host'],
      [6, option('x-backend', 'more', APPENDED)], [6, option('set-cookie', 's=1')],
      [7, pair('q', 'a b&c')], [8, 'r'],
    ]]]; // prettier-ignore
    const body = Buffer.from('ä').toString('latin1');
    const fine = await bed.asked({ path: '/grpc/x?q=1&r=2&s', method: 'POST', headers, body });
    const { url, headers: there } = seen(fine);
    const names = ['x-user', 'x-a', 'x-b', 'x-c', 'x-gone', 'authorization', 'host'];
    assert.deepEqual(
      [url, ...names.map((it) => there[it]), fine.headers['x-backend'], fine.headers['set-cookie']],
      [
        '/grpc/x?s&q=a%20b%26c',
        'me',
        '1, 2, 3',
        'b',
        undefined,
        undefined,
        undefined,
        'x.example',
        'a, more',
        ['s=1'],
      ],
    );
    const [path, check = NOTHING] = checks[0] ?? [];
    assert.equal(path, '/envoy.service.auth.v3.Authorization/Check');
    const http = [1, 4, 2] as const;
    const fields = [2, 4, 5, 6, 9, 10].map((it) => textAt(check, ...http, it));
    assert.deepEqual(fields, [
      'POST',
      '/grpc/x?q=1&r=2&s',
      'x.example',
      'http',
      String(Buffer.byteLength(body)),
      'HTTP/1.1',
    ]);
    assert.equal(textAt(check, ...http, 11), body);
    assert.equal(textAt(check, 1, 1, 1, 1, 2), '127.0.0.1');
    assert.deepEqual([textAt(check, 1, 2, 1, 1, 2), textAt(check, 1, 2, 1, 1, 3)], [bed.rig.address, '80']);
    const told = headersTold(check);
    const some = ['x-a', 'authorization', ':path', ':method', ':authority'].map((it) => told.get(it));
    assert.deepEqual(some, ['1,2', 'secret', '/grpc/x?q=1&r=2&s', 'POST', 'x.example']);

    message = [[1, [[1, 7]]], [2, [[1, [[1, 418]]], [2, option('x-why', 'tea')], [3, 'no tea']]]]; // prettier-ignore
    const denied = await bed.asked({ path: '/some', headers });
    assert.deepEqual([denied.status, denied.headers['x-why'], denied.body], [418, 'tea', 'no tea']);
    assert.deepEqual([...headersTold(checks[1]?.[1])], [['x-a', '1,2']]);
    assert.equal((await bed.asked({ path: '/grpc', method: 'POST', body: 'x'.repeat(101) })).status, 413);
    assert.equal(checks.length, 2);
  });

  function headersTold(check: Buffer = NOTHING): ReadonlyMap<string, string> {
    const pairs = valuesAt(check, 1, 4, 2, 3).filter((it) => Buffer.isBuffer(it));
    return new Map(pairs.map((it) => [textAt(it, 1), textAt(it, 2)]));
  }

  test('what is no answer of an authority of gRPC is a no', async () => {
    const ok = encode([
      [1, [[1, 0]]],
      [3, [[2, option('x-user', 'me')]]],
    ]);
    let reply: Reply = { body: undefined, grpcStatus: '0' };
    const endpoint = await openAuthorizer(bed.lifetime, () => reply);
    await publish({ '/grpc*': auth('auth', { protocol: 'grpc' }), '/away*': auth('away', { protocol: 'grpc' }) }, { auth: [endpoint], away: [] }, 'h2c'); // prettier-ignore
    const asked = async (words: Partial<Reply>): Promise<number> => {
      reply = { body: framed(ok), grpcStatus: '0', ...words };
      return (await bed.asked({ path: '/grpc' })).status;
    };
    assert.equal(await asked({}), 200);
    assert.equal(await asked({ body: framed([]) }), 200, 'a message without anything says OK');
    // In parts, the later of which is without a code: the parts are one status.
    assert.equal(
      await asked({
        body: framed([
          [1, [[1, 7]]],
          [1, []],
        ]),
      }),
      403,
    );
    const packed = framed(ok);
    packed.writeUInt8(1, 0);
    const refused: readonly Partial<Reply>[] = [
      { grpcStatus: '13' },
      { body: undefined },
      { body: undefined, grpcStatus: '13' },
      { body: packed },
      { body: Buffer.concat([framed(ok), framed(ok)]) },
      { body: framed(ok).subarray(0, -1) },
      // The rest would be a field that nobody knows.
      { body: Buffer.concat([framed(ok), encode([[9, 'rest']])]) },
      { body: framed(Buffer.concat([ok, Buffer.alloc(SHOWN_BYTES)])) },
      { body: framed([[3, [[2, option('x-user', 'me\r\nx-more: 1')]]]]) },
      { body: framed([[3, [[2, option('no header', 'me')]]]]) },
      { body: framed([[1, 0]]) },
      { body: framed([[1, [[1, 'text']]]]) },
    ];
    const got: number[] = [];
    for (const words of refused) got.push(await asked(words));
    assert.deepEqual(
      got,
      refused.map(() => 503),
    );
    assert.equal((await bed.asked({ path: '/away' })).status, 503);
    // Random bytes are whatever they are, but never a reason to stop.
    const next = seeded(7);
    const random = (below: number): number => Math.floor(next() * below);
    for (let i = 0; i < 100; i++) {
      const bytes = Buffer.from(ok);
      for (let j = 0; j < 3; j++) bytes.writeUInt8(random(256), random(bytes.length));
      const status = await asked({ body: framed(bytes.subarray(0, 1 + random(bytes.length))) });
      assert.ok(status >= 200 && status <= 599, String(status));
    }
    assert.equal(await asked({}), 200);
  });
});
