// What a real HAProxy tells of requests, and what is made of it: counts by rule, whichever way a rule is found; and nothing where nobody asks.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { openTelemetry, type RequestTelemetry } from '../../src/gateway/telemetry.ts';
import type { ProxyModel } from '../../src/model/gateway.ts';
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

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    web = await openBackend('web', lifetime);
    telemetry = await openTelemetry({ folder: rig.folder, log: quiet }, lifetime);
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

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
            aTable('a.wild.example', anEntry('/only', 'GRPCRoute/shop/only/2')),
          ),
        ),
      ],
      rules: [
        aRule('HTTPRoute/shop/web/0', 'web'),
        aRule('HTTPRoute/shop/beta/1', 'web'),
        aRule('HTTPRoute/shop/wild/0', 'web'),
        aRule('GRPCRoute/shop/only/2', 'web'),
      ],
      backends: [aBackend('web', [web.endpoint])],
    }),
    ...words,
  });

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
    await rig.driver.publish(model({}));
    await get(3, 'shop.example', '/');
    assert.equal((await ask(rig.address, { port: METRICS_PORT, path: '/metrics/routes' })).status, 404);
    await rig.driver.publish(model({ telemetry: 'metrics' }));
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
    await get(2, 'nobody.example', '/');
    await eventually(async () =>
      assert.deepEqual(await counts(), {
        'HTTPRoute shop/web 0 2xx': 7,
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
});
