// The proxy's driver against a real HAProxy: what is published is what requests meet, without reloads, and stays through restarts of either side.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { aBackend, aListener, aModel, anEntry, anHttpPort, aRule, aTable } from '../support/proxy-models.ts';
import { ask, openBackend, openProxyRig, type ProxyRig, type TestBackend } from '../support/proxy-rig.ts';
import { ownName } from '../support/own-name.ts';

const SCOPE = { prefix: ownName('proxy') };

describe('a proxy', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let one: TestBackend;
  let two: TestBackend;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    one = await openBackend('one', lifetime);
    two = await openBackend('two', lifetime);
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  const shop = (path: string, endpoint: TestBackend) =>
    aModel({
      ports: [anHttpPort(80, aListener(undefined, aTable('shop.example', anEntry(path, 'r'))))],
      rules: [aRule('r', 'web')],
      backends: [aBackend('web', [endpoint.endpoint])],
    });

  async function backendOf(path: string, host = 'shop.example'): Promise<string> {
    const { status, body } = await ask(rig.address, { host, path });
    return status === 200 ? (JSON.parse(body) as { name: string }).name : String(status);
  }

  test('leads by host and path', async () => {
    await rig.driver.publish(shop('/a*', one));
    assert.equal(await backendOf('/a/b'), 'one');
    assert.equal(await backendOf('/ab'), '404');
    assert.equal(await backendOf('/a', 'other.example'), '404');
    assert.equal(await backendOf('/a', 'SHOP.example.:80'), 'one');
  });

  test('follows routes and endpoints without a reload', async () => {
    const { reloads } = await rig.driver.publish(shop('/a*', two));
    assert.equal(await backendOf('/a'), 'two');
    const later = await rig.driver.publish(shop('/b*', two));
    assert.equal(await backendOf('/b'), 'two');
    assert.equal(await backendOf('/a'), '404');
    assert.equal(later.reloads, reloads);
  });

  test('loses no request while routes and endpoints change', async () => {
    let isOver = false;
    const outcomes = new Set<string>();
    const traffic = Array.from({ length: 4 }, async () => {
      while (!isOver) outcomes.add(await backendOf('/b'));
    });
    for (let i = 0; i < 20; i++) {
      // The route leads to another backend of the model, and what it leads to has other endpoints each time.
      const [name, backend] = i % 2 === 0 ? (['even', one] as const) : (['odd', two] as const);
      await rig.driver.publish(
        aModel({
          ports: [anHttpPort(80, aListener(undefined, aTable('shop.example', anEntry('/b*', `r${i}`))))],
          rules: [aRule(`r${i}`, name)],
          backends: [aBackend(name, [backend.endpoint])],
        }),
      );
    }
    await rig.driver.publish(shop('/b*', two));
    isOver = true;
    await Promise.all(traffic);
    assert.deepEqual([...outcomes].sort(), ['one', 'two']);
  });

  test('comes back from its files when it is killed', async () => {
    const { pid } = rig.process;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await eventually(() => rig.process.pid !== undefined && rig.process.pid !== pid);
    await eventually(async () => assert.equal(await backendOf('/b'), 'two'));
  });

  test('opens every port but those that somebody else has, and these when they are free', async () => {
    const model = shop('/b*', two);
    const more = {
      ...model,
      ports: [...model.ports, anHttpPort(81, aListener(undefined, aTable(undefined, anEntry('/*', 'r'))))],
    };
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(81, rig.address, resolve));
    const { problems } = await rig.driver.publish(more);
    assert.deepEqual([...problems.keys()], ['port 81']);
    assert.equal(await backendOf('/b'), 'two');
    await new Promise<void>((resolve) => other.close(() => resolve()));
    assert.deepEqual((await rig.driver.publish(more)).problems, new Map());
    assert.equal((await ask(rig.address, { port: 81, host: 'x' })).status, 200);
    const { status, body } = await ask(rig.address, { port: 19_101, path: '/metrics' });
    assert.equal(status, 200);
    await rig.driver.publish(model);
    assert.match(body, /^haproxy_frontend_http_requests_total\{proxy="p81"\} 1$/m);
  });

  test('is taken over by another driver without a reload', async () => {
    const second = new Lifetime('second driver');
    const driver = await rig.openDriver(second);
    assert.deepEqual(await driver.publish(shop('/b*', one)), { reloads: 0, problems: new Map() });
    assert.equal(await backendOf('/b'), 'one');
    await second.close();
  });
});
