// TLS ports of the proxy in a real HAProxy: which certificate a name is shown and where its connection goes, while certificates come, change and are refused.

import assert from 'node:assert/strict';
import { createServer as createTcpServer, connect as connectTcp, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type {
  HostTable,
  ProxyModel,
  StreamHost,
  TlsListener,
  WeightedBackend,
} from '../../src/model/gateway.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';
import { makeAuthority, type TestAuthority, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { aBackend, aModel, anEntry, aRule, aTable } from '../support/proxy-models.ts';
import { openBackend, openProxyRig, type ProxyRig, type TestBackend } from '../support/proxy-rig.ts';

const SCOPE = { prefix: ownName('proxy') };
const NO_VALIDATION = { clientValidation: undefined };

describe('TLS ports', () => {
  const lifetime = new Lifetime('test');
  let clean: LeakSnapshot;
  let rig: ProxyRig;
  let web: TestBackend;
  let authority: TestAuthority;
  let certificates: Readonly<Record<string, TestCertificate>>;
  let streams: Readonly<Record<'plain' | 'other' | 'secret', Endpoint>>;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openProxyRig(lifetime);
    web = await openBackend('web', lifetime);
    authority = makeAuthority('authority');
    const signed = ['a.test', '*.b.test', 'c.test', 'client', 'secret.test'].map((it) => [
      it,
      authority.sign(it),
    ]);
    certificates = Object.fromEntries(signed) as Record<string, TestCertificate>;
    streams = {
      plain: await openGreeter('plain', lifetime),
      other: await openGreeter('other', lifetime),
      secret: await openGreeter('secret', lifetime, certificates['secret.test']),
    };
  });
  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, SCOPE);
  });

  /** By their names; the name of a certificate is what it is for. */
  const known = (more: Readonly<Record<string, string>> = {}): ProxyModel['certificates'] => {
    const pems = {
      ...Object.fromEntries(Object.entries(certificates).map(([name, it]) => [name, it.pem])),
      ...more,
    };
    return new Map(Object.entries(pems).map(([id, pem]) => [id, { id, pem, names: [id] }]));
  };

  const https = (
    hostname: string | undefined,
    ids: readonly string[],
    tls: Partial<(TlsListener & { kind: 'https' })['tls']> = {},
    hosts: readonly HostTable[] = [aTable(hostname, anEntry('/*', 'r'))],
  ): TlsListener => ({
    id: `test/gateway/${hostname ?? 'all'}`,
    kind: 'https',
    hostname,
    tls: { certificates: ids, ...NO_VALIDATION, ...tls },
    hosts,
  });

  const modelOf = (listeners: readonly TlsListener[], words: Partial<ProxyModel> = {}): ProxyModel => ({
    ...aModel({
      ports: [{ kind: 'tls', port: parsePort(443), listeners }],
      rules: [aRule('r', 'web')],
      backends: [
        aBackend('web', [web.endpoint]),
        ...Object.entries(streams).map(([name, endpoint]) => aBackend(name, [endpoint], { protocol: 'tcp' })),
      ],
    }),
    certificates: known(),
    authorities: new Map([['ca', authority.certificate]]),
    ...words,
  });

  interface Met {
    /** The certificate's name. */
    readonly shown: string;
    readonly status: string;
  }

  async function open(servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({
      host: rig.address,
      port: 443,
      servername,
      rejectUnauthorized: false,
      ...options,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    });
    return socket;
  }

  async function meet(servername: string, host = servername, options: ConnectionOptions = {}): Promise<Met> {
    const socket = await open(servername, options);
    const shown = socket.getPeerCertificate().subject.CN;
    socket.end(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const text = await readAll(socket);
    return { shown: String(shown), status: /^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? text };
  }

  /** "refused" where the connection does not stand. */
  const outcome = (met: Promise<Met>): Promise<Met | string> => met.catch(() => 'refused');

  test('names are shown their certificates, and another name on the connection is told to come anew', async () => {
    const { problems } = await rig.driver.publish(
      modelOf([https('a.test', ['a.test']), https('*.b.test', ['*.b.test']), https(undefined, ['c.test'])]),
    );
    assert.deepEqual(problems, new Map());
    const rows: readonly (readonly [sni: string, host: string, shown: string, status: string])[] = [
      ['a.test', 'a.test', 'a.test', '200'],
      ['x.b.test', 'x.b.test', '*.b.test', '200'],
      ['x.b.test', 'y.b.test', '*.b.test', '200'],
      ['c.test', 'c.test', 'c.test', '200'],
      ['z.test', 'z.test', 'c.test', '200'],
      ['z.test', 'c.test', 'c.test', '200'],
      ['a.test', 'x.b.test', 'a.test', '421'],
      ['a.test', 'z.test', 'a.test', '421'],
      ['z.test', 'a.test', 'c.test', '421'],
    ];
    const got = [];
    for (const [sni, host] of rows) got.push([sni, host, ...Object.values(await meet(sni, host))]);
    assert.deepEqual(got, rows);
  });

  test('certificates change at run time; one that is none leaves the one before', async () => {
    const model = (pem: string) =>
      modelOf([https('a.test', ['a.test']), https('*.b.test', ['*.b.test'])], {
        certificates: known({ 'a.test': pem }),
      });
    const { reloads } = await rig.driver.publish(model(certificates['a.test']?.pem ?? ''));
    const serial = async (): Promise<string> => {
      const socket = await open('a.test');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    const renewed = authority.sign('a.test');
    const second = await rig.driver.publish(model(renewed.pem));
    assert.deepEqual(second, { reloads, problems: new Map() });
    assert.notEqual(await serial(), first);
    const kept = await serial();
    for (const bad of ['', 'no certificate', `${renewed.certificate}${certificates['c.test']?.key}`]) {
      const { problems } = await rig.driver.publish(model(bad));
      assert.deepEqual([...problems.keys()], ['a.test']);
      assert.equal(await serial(), kept);
      assert.equal((await meet('x.b.test')).status, '200');
    }
    const more = modelOf([https('a.test', ['a.test']), https('c.test', ['c.test'])]);
    assert.equal((await rig.driver.publish(more)).reloads, reloads);
    assert.equal((await meet('c.test')).shown, 'c.test');
    // Several at once.
    await rig.driver.publish(modelOf([https('a.test', ['a.test'])]));
    const all = [https('a.test', ['a.test']), https('c.test', ['c.test']), https('*.b.test', ['*.b.test'])];
    assert.equal((await rig.driver.publish(modelOf(all))).reloads, reloads);
    for (const name of ['c.test', 'x.b.test']) assert.equal((await meet(name)).status, '200');
  });

  test('a killed HAProxy comes back with its certificates', async () => {
    const { pid } = rig.process;
    process.kill(pid ?? 0, 'SIGKILL');
    const { reloads } = await rig.driver.publish(
      modelOf([https('a.test', ['a.test']), https('c.test', ['c.test'])]),
    );
    assert.ok(reloads <= 1);
    await rig.driver.publish(modelOf([https('*.b.test', ['*.b.test']), https('c.test', ['c.test'])]));
    await eventually(async () => assert.equal((await meet('x.b.test')).shown, '*.b.test'));
  });

  test('clients show certificates where a listener wants to see them', async () => {
    const wants = (isRequired: boolean) => ({ clientValidation: { authorities: ['ca'], isRequired } });
    const client = {
      cert: certificates['client']?.certificate,
      key: certificates['client']?.key,
    } as ConnectionOptions;
    const stranger = makeAuthority('stranger').sign('client');
    const wrong = { cert: stranger.certificate, key: stranger.key };
    await rig.driver.publish(
      modelOf([
        https('a.test', ['a.test'], wants(true)),
        https('*.b.test', ['*.b.test'], wants(true)),
        https(undefined, ['c.test']),
      ]),
    );
    assert.deepEqual(await outcome(meet('a.test', 'a.test', client)), { shown: 'a.test', status: '200' });
    assert.equal(await outcome(meet('a.test')), 'refused');
    assert.equal(await outcome(meet('a.test', 'a.test', wrong)), 'refused');
    assert.deepEqual(await outcome(meet('z.test')), { shown: 'c.test', status: '200' });
    // The ways around: another name, no name, a name of more labels than the certificate's star has.
    assert.deepEqual(await outcome(meet('z.test', 'a.test')), { shown: 'c.test', status: '421' });
    assert.deepEqual(await outcome(meet('', 'a.test')), { shown: 'c.test', status: '421' });
    assert.deepEqual(await outcome(meet('x.y.b.test', 'x.y.b.test')), { shown: 'c.test', status: '421' });
    await rig.driver.publish(
      modelOf([https('a.test', ['a.test'], wants(true)), https(undefined, ['c.test'], wants(false))]),
    );
    assert.deepEqual(await outcome(meet('z.test')), { shown: 'c.test', status: '200' });
    assert.deepEqual(await outcome(meet('z.test', 'z.test', wrong)), { shown: 'c.test', status: '200' });
    assert.deepEqual(await outcome(meet('a.test', 'a.test', client)), { shown: 'a.test', status: '200' });
    assert.notEqual(((await outcome(meet('a.test', 'a.test', wrong))) as Met).status, '200');
  });

  const stream = (hostname: string | undefined, backends: Readonly<Record<string, number>>): StreamHost => ({
    hostname,
    target: { id: 'test', backends: weighted(backends) },
  });

  async function greeting(servername: string): Promise<string> {
    try {
      return await readAll(await open(servername));
    } catch {
      return 'refused';
    }
  }

  test('one port hands on some names as they come, ends TLS for others, and speaks HTTP for the rest', async () => {
    const pass: TlsListener = {
      id: 'p',
      kind: 'tls-pass',
      hostname: '*.test',
      hosts: [stream('secret.test', { secret: 1 })],
    };
    const end: TlsListener = {
      id: 'e',
      kind: 'tls-end',
      hostname: '*.b.test',
      tls: { certificates: ['*.b.test'], ...NO_VALIDATION },
      hosts: [
        stream('one.b.test', { plain: 1 }),
        stream('*.b.test', { other: 1, '': 0 }),
        stream('gone.b.test', { '': 1 }),
      ],
    };
    const { problems } = await rig.driver.publish(modelOf([pass, end, https('a.test', ['a.test'])]));
    assert.deepEqual(problems, new Map());
    assert.deepEqual(await meet('a.test'), { shown: 'a.test', status: '200' });
    assert.equal(await greeting('secret.test'), 'secret');
    assert.equal(await greeting('one.b.test'), 'plain');
    assert.equal(await greeting('two.b.test'), 'other');
    assert.equal(await greeting('a.b.c.d.e.f.b.test'), 'other');
    assert.equal(await greeting('gone.b.test'), '');
    assert.equal(await greeting('nobody.test'), 'refused');
    assert.equal(await greeting('nobody'), 'refused');
  });

  test('ports of TCP lead by weight, and what leads nowhere is closed', async () => {
    const port = (
      number: number,
      backends: Readonly<Record<string, number>> | undefined,
    ): ProxyModel['ports'][number] => ({
      kind: 'tcp',
      port: parsePort(number),
      id: 't',
      hostname: undefined,
      target: backends === undefined ? undefined : { id: 't', backends: weighted(backends) },
    });
    const ports = [
      port(9001, { plain: 1 }),
      port(9002, { plain: 1, other: 1 }),
      port(9003, undefined),
      port(9004, { '': 1 }),
    ];
    await rig.driver.publish({ ...modelOf([]), ports });
    const said = async (number: number): Promise<string> => {
      const socket = connectTcp({ host: rig.address, port: number });
      return readAll(socket).catch(() => '');
    };
    assert.equal(await said(9001), 'plain');
    const both = await Promise.all(Array.from({ length: 100 }, () => said(9002)));
    assert.deepEqual([...new Set(both)].sort(), ['other', 'plain']);
    assert.equal(await said(9003), '');
    assert.equal(await said(9004), '');
  });
});

function weighted(backends: Readonly<Record<string, number>>): readonly WeightedBackend[] {
  return Object.entries(backends).map(([backend, weight]) => ({
    backend: backend === '' ? undefined : backend,
    weight,
    filters: [],
  }));
}

/** Says its name to everyone who comes, by TLS where it has a certificate. */
async function openGreeter(name: string, lifetime: Lifetime, tls?: TestCertificate): Promise<Endpoint> {
  const server =
    tls === undefined
      ? createTcpServer((socket) => socket.on('error', () => undefined).end(name))
      : createServer({ cert: tls.certificate, key: tls.key }, (socket) =>
          socket.on('error', () => undefined).end(name),
        );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lifetime.defer(name, () => new Promise<void>((resolve) => server.close(() => resolve())));
  return { ip: parseIp('127.0.0.1'), port: parsePort((server.address() as AddressInfo).port) };
}

async function readAll(socket: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
