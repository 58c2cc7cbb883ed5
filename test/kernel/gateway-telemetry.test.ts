// What a real HAProxy tells of requests, and what is made of it: counts by rule, whichever way a rule is found; and nothing where nobody asks.

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { AccessEntry } from '../../src/gateway/access-entry.ts';
import { BUFFER_BYTES, proxyFiles } from '../../src/gateway/proxy-place.ts';
import { openTelemetry, type RequestTelemetry } from '../../src/gateway/telemetry.ts';
import type { ProxyModel } from '../../src/model/gateway.ts';
import { haproxySocket } from '../../src/sys/haproxy-socket.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aListener, aModel, anEntry, anHttpPort, aRule, aTable } from '../support/proxy-models.ts';
import {
  ask,
  METRICS_PORT,
  openBackend,
  openProxyRig,
  type ProxyRig,
  type TestBackend,
} from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };
const quiet = { warn: () => undefined };

describe('telemetry of a proxy', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let web: TestBackend;
  let telemetry: RequestTelemetry;
  let control: Lifetime;
  let output: string;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    web = await openBackend('web', lifetime);
    output = `${rig.folder}/output`;
    await startControl();
  });
  after(async () => {
    await control.close();
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  async function startControl(): Promise<void> {
    control = new Lifetime('control');
    const fd = control.own('output', openSync(output, 'a'), closeSync);
    const backendOf = (slot: string): string | undefined => rig.driver.backendOf(slot);
    telemetry = await openTelemetry({ folder: rig.folder, output: fd, backendOf, log: quiet }, control);
  }

  const header = { type: 'exact', name: 'x-beta', value: 'yes' } as const;
  /** A name with a table of its own, one of many names, and one whose less specific table is asked by Lua. */
  const model = (words: Partial<ProxyModel>): ProxyModel => ({
    ...aModel({
      ports: [
        anHttpPort(
          80,
          aListener(
            undefined,
            aTable(
              'shop.example',

              anEntry('/beta*', 'HTTPRoute/shop/beta/1', { headers: [header] }),
              anEntry('/*', 'HTTPRoute/shop/web/0'),
            ),
            aTable('*.wild.example', anEntry('/*', 'HTTPRoute/shop/wild/0')),
            aTable('*.deep.example', anEntry('/*', 'HTTPRoute/shop/web/0')),
            aTable('a.deep.example', anEntry('/only', 'GRPCRoute/shop/only/2')),
            aTable('a.wild.example', anEntry('/only', 'GRPCRoute/shop/only/2')),
          ),
        ),
      ],
      rules: [
        aRule('HTTPRoute/shop/web/0', 'web'),
        aRule('HTTPRoute/shop/beta/1', 'web'),
        aRule('HTTPRoute/shop/wild/0', 'web', { requestTimeoutMs: 5000 }),
        aRule('GRPCRoute/shop/only/2', 'web'),
      ],
      backends: [aBackend('web', [web.endpoint])],
    }),
    ...words,
  });

  /** Resolves when no worker of before a reload takes requests any more. */
  async function lead(wanted: ProxyModel): Promise<void> {
    await rig.driver.publish(wanted);
    telemetry.follow(wanted);
    const { signal } = lifetime;
    const path = proxyFiles(rig.folder).masterSocket;
    const master = haproxySocket({ path, bufferBytes: BUFFER_BYTES, signal });
    await eventually(async () =>
      assert.doesNotMatch(await master.send('show proc\n'), /^# old workers\n\d/m),
    );
  }

  const metrics = (): Promise<string> => telemetry.registry.metrics();

  /** "HTTPRoute shop/web 0 2xx" -> requests. */
  async function counts(): Promise<Readonly<Record<string, number>>> {
    const line = /^fairlead_gateway_requests_total\{route="(.*)",rule="(.*)",code="(.*)"\} (\d+)$/gm;
    const found = [...(await metrics()).matchAll(line)];
    return Object.fromEntries(
      found.map(([, route, rule, code, n]) => [`${route} ${rule} ${code}`, Number(n)]),
    );
  }

  async function get(times: number, host: string, path: string, headers = {}): Promise<void> {
    for (let i = 0; i < times; i++) await ask(rig.address, { host, path, headers });
  }

  test('says nothing where nobody asks', async () => {
    await lead(model({}));
    await get(3, 'shop.example', '/');
    assert.equal((await ask(rig.address, { port: METRICS_PORT, path: '/metrics/routes' })).status, 404);
    await lead(model({ telemetry: 'metrics' }));
    await get(1, 'shop.example', '/');
    await eventually(async () => assert.deepEqual(await counts(), { 'HTTPRoute shop/web 0 2xx': 1 }));
  });

  test('counts each rule, whichever way it is found, and what no rule has', async () => {
    await get(4, 'shop.example', '/a');
    await get(3, 'shop.example', '/beta', { 'x-beta': 'yes' });
    await get(2, 'shop.example', '/beta');
    await get(5, 'b.wild.example', '/');
    await get(6, 'a.wild.example', '/');
    await get(1, 'a.wild.example', '/only');
    await get(1, 'a.deep.example', '/');
    await get(1, 'b.deep.example', '/');
    await get(2, 'nobody.example', '/');
    await eventually(async () =>
      assert.deepEqual(await counts(), {
        'HTTPRoute shop/web 0 2xx': 9,
        'HTTPRoute shop/beta 1 2xx': 3,
        'HTTPRoute shop/wild 0 2xx': 11,
        'GRPCRoute shop/only 2 2xx': 1,
        'none  4xx': 2,
      }),
    );
    const { status, body } = await ask(rig.address, { port: METRICS_PORT, path: '/metrics/routes' });
    assert.equal(status, 200);
    assert.match(
      body,
      /^fairlead_gateway_request_duration_seconds_count\{route="HTTPRoute shop\/wild",rule="0"\} 11$/m,
    );
    assert.match(body, /^fairlead_gateway_unread_lines_total 0$/m);
  });

  test('keeps what is told while control is away', async () => {
    await control.close();
    await get(3, 'shop.example', '/while-away');
    await startControl();
    await get(1, 'shop.example', '/');
    await eventually(async () => assert.deepEqual(await counts(), { 'HTTPRoute shop/web 0 2xx': 4 }));
  });

  test('forgets routes that are gone', async () => {
    const { rules } = model({});
    telemetry.follow({ ...model({ telemetry: 'metrics' }), rules: new Map([...rules].slice(1)) });
    assert.equal('HTTPRoute shop/web 0 2xx' in (await counts()), !rules.has('HTTPRoute/shop/web/0'));
  });

  const entries = (): readonly Partial<AccessEntry>[] =>
    readFileSync(output, 'utf8')
      .split('\n')
      .filter((it) => it !== '')
      .map((it) => JSON.parse(it) as AccessEntry);

  /** As it stands, also what no client of Node would send; resolves when the proxy has closed the connection. */
  function send(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(80, rig.address, () => socket.write(text, 'latin1'));
      socket.resume().once('error', reject).once('close', resolve);
    });
  }

  test('writes each request as one line of JSON, whatever it says', async () => {
    const logged = model({ telemetry: 'access-log' });
    await lead(logged);
    const paths = [
      '/',
      `/"},{"status":1,'\\`,
      '/%0d%0a%22|-',
      '/a|b|c^<>`',
      `/${'%'.repeat(600)}`,
      `/${'x'.repeat(8000)}`,
    ];
    const head = 'Connection: close\r\n\r\n';
    for (const path of paths) await send(`GET ${path}?q HTTP/1.1\r\nHost: shop.example\r\n${head}`);
    await send(`GET / HTTP/1.1\r\nHost: "|\\\xff\t${'y'.repeat(300)}\r\n${head}`);
    await send(`BREW|"/* HTTP/1.1\r\n${head}`);
    await send(`PROPFIND / HTTP/1.1\r\nHost: b.wild.example\r\n${head}`);
    await eventually(() => assert.equal(entries().length, paths.length + 3));
    const seen = entries();
    assert.deepEqual(
      seen.slice(0, paths.length).map((it) => it.path),
      paths.map((it) => it.slice(0, 512)),
    );
    assert.deepEqual(
      seen
        .slice(-3)
        .map(({ status, method, host, route }) => ({ status, method, host: host?.slice(0, 5), route })),
      [
        { status: 404, method: 'GET', host: '"|\\\u{fffd}\t', route: undefined },
        { status: 400, method: undefined, host: undefined, route: undefined },
        { status: 200, method: 'PROPFIND', host: 'b.wil', route: 'HTTPRoute shop/wild' },
      ],
    );
    const { time = '', client, requestBytes, responseBytes, totalMs, answerMs, ...rest } = seen[0] ?? {};
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.ok((totalMs ?? -1) >= (answerMs ?? Infinity));
    assert.ok((requestBytes ?? 0) > 0 && (responseBytes ?? 0) > 0);
    assert.deepEqual(
      { client, ...rest },
      {
        name: 'access',
        client: '127.0.0.1',
        method: 'GET',
        host: 'shop.example',
        path: '/',
        status: 200,
        route: 'HTTPRoute shop/web',
        rule: '0',
        service: 'web',
        endpoint: `127.0.0.1:${web.endpoint.port}`,
        listener: 'test/gateway/all',
        protocol: 'HTTP/1',
        ended: '--',
      },
    );
    assert.match(await metrics(), /^fairlead_gateway_unread_lines_total 0$/m);
  });

  test('is silent again where nobody asks any more', async () => {
    const before = readFileSync(output, 'utf8');
    await lead(model({}));
    await get(1, 'shop.example', '/');
    await lead(model({ telemetry: 'metrics' }));
    await get(1, 'b.wild.example', '/');
    await eventually(async () => assert.equal((await counts())['HTTPRoute shop/wild 0 2xx'], 1));
    assert.equal((await counts())['HTTPRoute shop/web 0 2xx'], undefined);
    assert.equal(readFileSync(output, 'utf8'), before);
  });
});
