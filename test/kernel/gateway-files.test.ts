// After each kind of change the files of a proxy's folder say what the process does, whatever of them was not written again: one that is killed comes back as it was.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { MAP_NAMES } from '../../src/gateway/map-lines.ts';
import { observeMap, observeServers } from '../../src/gateway/observe.ts';
import { BUFFER_BYTES, proxyFiles } from '../../src/gateway/proxy-place.ts';
import { readState } from '../../src/gateway/proxy-state.ts';
import type { HostTable, ProxyModel, ProxyPort } from '../../src/model/gateway.ts';
import { haproxySocket } from '../../src/sys/haproxy-socket.ts';
import { makeAuthority, type TestCertificate } from '../support/certificates.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { aBackend, aListener, aModel, anEntry, anHttpPort, aRule, aTable } from '../support/proxy-models.ts';
import { openProxyRig, type ProxyRig } from '../support/proxy-rig.ts';
import { ownName } from '../support/own-name.ts';

const SCOPE = { prefix: ownName('proxy') };
const [first, second, third] = ['10.0.0.1', '10.0.0.2', '2001:db8::3'];

interface World {
  readonly hosts?: readonly HostTable[];
  readonly weights?: Readonly<Record<string, number>>;
  readonly web?: readonly (string | undefined)[];
  readonly certificate?: TestCertificate;
  readonly ports?: readonly number[];
}

describe('files of a proxy', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let certificates: readonly [TestCertificate, TestCertificate];

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    const authority = makeAuthority('authority');
    certificates = [authority.sign('shop.example'), authority.sign('shop.example')];
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  // Kept over all steps, as what did not change is.
  const shop = aTable('shop.example', anEntry('/a*', 'plain'), anEntry('/b*', 'split'));
  const far = aTable('far.example', anEntry('/*', 'plain'));
  const plain = aRule('plain', 'web');
  const api = aBackend('api', [endpointOf(third)]);

  function modelOf({ hosts = [shop, far], weights = { api: 1 }, web = [first], ...more }: World): ProxyModel {
    const { certificate = certificates[0], ports = [] } = more;
    const https: ProxyPort = {
      kind: 'tls',
      port: parsePort(443),
      listeners: [
        {
          id: 'test/gateway/https',
          kind: 'https',
          hostname: undefined,
          tls: { certificates: ['shop'], clientValidation: undefined },
          hosts,
        },
      ],
    };
    return {
      ...aModel({
        ports: [...[80, ...ports].map((it) => anHttpPort(it, aListener(undefined, ...hosts))), https],
        rules: [plain, aRule('split', weights)],
        backends: [aBackend('web', web.map(endpointOf)), api],
      }),
      certificates: new Map([['shop', { id: 'shop', pem: certificate.pem, names: ['shop.example'] }]]),
    };
  }

  const STEPS: readonly (readonly [string, () => World])[] = [
    ['the first', () => ({})],
    ['a route leads elsewhere', () => ({ weights: { web: 1 } })],
    ['a route has weights', () => ({ weights: { web: 1, api: 2 } })],
    ['others', () => ({ weights: { web: 2, api: 1 } })],
    ['an endpoint comes', () => ({ web: [first, second] })],
    ['one goes, and one comes in its place', () => ({ web: [second, third] })],
    ['all go', () => ({ web: [] })],
    ['a path is another one', () => ({ hosts: [aTable('shop.example', anEntry('/c*', 'plain')), far] })],
    ['a name goes', () => ({ hosts: [far] })],
    ['a name comes', () => ({ hosts: [aTable('*.example', anEntry('/a', 'split')), shop, far] })],
    ['a certificate is another one', () => ({ certificate: certificates[1] })],
    ['a port comes', () => ({ ports: [8080] })],
    ['the first again', () => ({})],
  ];

  for (const [name, world] of STEPS)
    test(name, async () => {
      assert.deepEqual((await rig.driver.publish(modelOf(world()))).problems, new Map());
      await assertWritten(rig.folder);
    });
});

function endpointOf(ip: string | undefined): Parameters<typeof aBackend>[1][number] {
  return { ip, port: 8080 } as Parameters<typeof aBackend>[1][number];
}

async function assertWritten(folder: string): Promise<void> {
  const files = proxyFiles(folder);
  const socket = haproxySocket({ path: files.adminSocket, bufferBytes: BUFFER_BYTES });
  for (const name of MAP_NAMES) {
    const lines = (await readFile(files.map(name), 'utf8')).split('\n').filter((it) => it !== '');
    const written = lines.map((it) => it.split(' ') as [string, string]);
    assert.deepEqual(new Map(written), await observeMap(socket, files.map(name)), name);
    assert.equal(new Map(written).size, lines.length, name);
  }
  const config = serversIn(await readFile(files.config, 'utf8'));
  const state = await readState(files.state, (problem) => assert.fail(problem));
  const ofState = [...state.servers].map(([backend, list]) => [backend, list.map(serverText)] as const);
  const running = await observeServers(socket);
  for (const [backend, list] of running) {
    if (!backend.startsWith('b')) continue;
    const texts = list.map(serverText);
    assert.deepEqual(config.get(backend), texts, backend);
    assert.deepEqual(new Map(ofState).get(backend), texts, backend);
  }
  const pem = files.pem('certificate', '443-https');
  const shown = /FingerPrint: (\S+)/i.exec(await socket.send(`show ssl cert ${pem}\n`))?.[1];
  const { fingerprint } = new X509Certificate(await readFile(pem, 'utf8'));
  assert.equal(shown, fingerprint.replaceAll(':', ''));
}

function serverText(it: { name: string; ip: string; port: number; isReady: boolean }): string {
  return `${it.name} ${it.ip} ${it.port} ${it.isReady}`;
}

/** By backend, of its lines of servers. */
function serversIn(config: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let own: string[] = [];
  for (const line of config.split('\n')) {
    const backend = /^backend (\S+)/.exec(line)?.[1];
    if (backend !== undefined) found.set(backend, (own = []));
    const [, name = '', ip = '', port] = /^ {2}server (s\d+) \[?([^\s\]]+?)\]?:(\d+) /.exec(line) ?? [];
    if (port !== undefined)
      own.push(serverText({ name, ip, port: Number(port), isReady: !line.endsWith(' disabled') }));
  }
  return found;
}
