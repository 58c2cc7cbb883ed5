// Requests without a pause through a real HAProxy while everything changes that can: none of them fails, none meets an endpoint that has gone before it was asked,
// and only a new port costs a reload.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type { ProxyDriver } from '../../src/gateway/proxy-driver.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import type { ProxyModel, TlsListener } from '../../src/model/gateway.ts';
import { makeAuthority, type TestCertificate } from '../support/certificates.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aListener, aModel, anEntry, anHttpPort, aRule, aTable } from '../support/proxy-models.ts';
import { openProxyRig, type ProxyRig } from '../support/proxy-rig.ts';
import { RawConnection } from '../support/raw-client.ts';
import { startLoad, type LoadTarget } from '../support/steady-load.ts';

const SCOPE = { prefix: ownName('proxy') };
const HOST = 'shop.example';

interface NamedServer {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Ends when no request is under way any more. */
  close(): Promise<void>;
}

interface World {
  readonly web: readonly NamedServer[];
  readonly api?: readonly NamedServer[];
  readonly weights?: Readonly<Record<string, number>>;
  readonly certificate?: TestCertificate;
  readonly ports?: readonly number[];
}

describe('a proxy under load', () => {
  const lifetime = new Lifetime('test');
  /** Names of all that ever answered. */
  const names = new Set<string>();
  const target: LoadTarget = { host: HOST, path: '/cart' };
  let changes = 0;
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let certificates: readonly [TestCertificate, TestCertificate];
  let one: NamedServer;
  let two: NamedServer;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    const authority = makeAuthority('authority');
    certificates = [authority.sign(HOST), authority.sign(HOST)];
    one = lifetime.own('one', await openNamed('one'), (it) => it.close());
    two = lifetime.own('two', await openNamed('two'), (it) => it.close());
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  function modelOf({
    web,
    api = [],
    weights = { web: 1 },
    certificate = certificates[0],
    ports = [],
  }: World): ProxyModel {
    const hosts = [aTable(HOST, anEntry('/*', 'r'))];
    const https: TlsListener = {
      id: 'test/gateway/https',
      kind: 'https',
      hostname: undefined,
      tls: { certificates: ['shop'], clientValidation: undefined },
      hosts,
    };
    return {
      ...aModel({
        ports: [
          ...[80, ...ports].map((it) => anHttpPort(it, aListener(undefined, ...hosts))),
          { kind: 'tls', port: parsePort(443), listeners: [https] },
        ],
        rules: [aRule('r', weights)],
        backends: [
          aBackend(
            'web',
            web.map((it) => it.endpoint),
          ),
          aBackend(
            'api',
            api.map((it) => it.endpoint),
          ),
        ],
      }),
      certificates: new Map([['shop', { id: 'shop', pem: certificate.pem, names: [HOST] }]]),
    };
  }

  /** Gives the reloads until now. Requests that begin after it may meet nobody who is gone by then. */
  async function publish(world: World, driver: ProxyDriver = rig.driver): Promise<number> {
    const there = new Set([...world.web, ...(world.api ?? [])].map(({ name }) => name));
    for (const name of there) names.add(name);
    const left = new Map([...(target.gone ?? [])].filter(([name]) => !there.has(name)));
    target.gone = left;
    const { reloads, problems } = await driver.publish(modelOf(world));
    assert.deepEqual(problems, new Map());
    changes++;
    target.gone = new Map([...names.difference(there)].map((name) => [name, left.get(name) ?? changes]));
    return reloads;
  }

  async function underLoad(start: World, work: () => Promise<void>): Promise<void> {
    await publish(start);
    const places = [
      { address: rig.address, port: 80 },
      { address: rig.address, port: 443, tlsName: HOST },
    ];
    const load = startLoad({ places, targets: [target], kept: 2, fresh: 1 });
    try {
      await work();
    } finally {
      const { requests, failures } = await load.end();
      assert.deepEqual(failures, {});
      assert.ok(requests > 0);
    }
  }

  test('a rolling update: every server ends as soon as nothing leads there', async () => {
    const reloads = await publish({ web: [one] });
    let [old, next] = [one, await openNamed('roll-0')];
    await underLoad({ web: [one] }, async () => {
      for (let i = 1; i <= 4; i++) {
        await publish({ web: [old, next] });
        await publish({ web: [next] });
        if (old !== one) await old.close();
        [old, next] = [next, await openNamed(`roll-${i}`)];
      }
      assert.equal(await publish({ web: [one] }), reloads);
    });
    await old.close();
    await next.close();
  });

  test('endpoints come and go, many at a time', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, (_, i) => openNamed(`many-${i}`)));
    const reloads = await publish({ web: [one] });
    await underLoad({ web: [one] }, async () => {
      for (let i = 0; i < 20; i++) {
        const some = servers.filter((_, at) => ((i * 37) >> at) % 2 === 1);
        await publish({ web: i % 2 === 0 || some.length === 0 ? [one, ...some] : some });
      }
      assert.equal(await publish({ web: [one] }), reloads);
    });
    await Promise.all(servers.map((it) => it.close()));
  });

  test('a certificate is another one, and is shown from then on', async () => {
    const shown = async (): Promise<string> => {
      const connection = await RawConnection.open({ address: rig.address, port: 443, tlsName: HOST });
      const { fingerprint } = connection;
      connection.close();
      return fingerprint;
    };
    const seen: string[] = [];
    await underLoad({ web: [one] }, async () => {
      for (let i = 0; i < 6; i++) {
        await publish({ web: [one], certificate: certificates[i % 2 === 0 ? 1 : 0] });
        seen.push(await shown());
      }
    });
    assert.equal(new Set(seen).size, 2);
    assert.deepEqual(seen.slice(2), seen.slice(0, 4));
  });

  test('a route moves between backends, by weight too', async () => {
    const worlds = { web: [one], api: [two] };
    await underLoad({ ...worlds, weights: { web: 1 } }, async () => {
      for (let i = 0; i < 20; i++)
        await publish({ ...worlds, weights: i % 2 === 0 ? { api: 1 } : { web: 1 } });
      for (let i = 0; i <= 20; i += 4) await publish({ ...worlds, weights: { web: i, api: 20 - i } });
      await publish({ ...worlds, weights: { web: 1 } });
    });
  });

  test('a new port: the one change that is a reload', async () => {
    await underLoad({ web: [one] }, async () => {
      const before = await publish({ web: [one] });
      assert.equal(await publish({ web: [one], ports: [8080] }), before + 1);
      assert.equal(await publish({ web: [one] }), before + 2);
    });
  });

  test('another driver takes over', async () => {
    await underLoad({ web: [one] }, async () => {
      for (let i = 0; i < 3; i++) {
        const owner = new Lifetime('another driver');
        const driver = await rig.openDriver(owner);
        assert.equal(await publish({ web: [i % 2 === 0 ? two : one] }, driver), 0);
        await owner.close();
      }
    });
  });
});

async function openNamed(name: string): Promise<NamedServer> {
  const server: Server = createServer((_, response) => void response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name,
    endpoint: { ip: parseIp('127.0.0.1'), port: parsePort(port) },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection on which a request is under way is idle later.
      const closing = setInterval(() => server.closeIdleConnections(), 5);
      await closed;
      clearInterval(closing);
    },
  };
}
