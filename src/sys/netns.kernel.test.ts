import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../../test/support/leaks.ts';
import { hasCode, isAlreadyExists, isNotFound } from '../base/errors.ts';
import { parseIp } from '../base/ip.ts';
import { openNetlink } from './netlink.ts';
import { createNetns, deleteNetns, inNetns, netnsExists, netnsInode, openNetns } from './netns.ts';
import { isMounted } from './mount.ts';
import { applyNft, deleteNftTable, listNftTable, listNftTables } from './nft.ts';
import { runProgram } from './process.ts';
import { bindUdp, listenTcp, openTcp } from './socket.ts';
import { readSysctl, writeSysctl, writeSysctls } from './sysctl.ts';

const name = `t-sys-${process.pid}-netns`;
const path = `/run/netns/${name}`;

async function inFresh(work: () => void | Promise<void>): Promise<void> {
  createNetns(path);
  try {
    await work();
  } finally {
    await deleteNetns(path);
  }
}

let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: 't-sys-' });
});
after(() => assertNoLeaks(machine, { prefix: 't-sys-' }));

describe('namespaces', () => {
  it('are made, known to ip netns, and gone after deletion', async () => {
    const home = netnsInode();
    await inFresh(() => {
      assert.equal(netnsExists(path), true);
      assert.equal(netnsInode(), home);
      assert.notEqual(netnsInode(path), home);
      assert.match(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }), new RegExp(name));
      assert.match(execFileSync('ip', ['netns', 'exec', name, 'ip', 'link'], { encoding: 'utf8' }), /lo:/);
      assert.throws(() => createNetns(path), isAlreadyExists);
      assert.equal(netnsExists(path), true);
    });
    assert.equal(netnsExists(path), false);
    assert.equal(existsSync(path), false);
    assert.equal(isMounted(path), false);
    await assert.rejects(deleteNetns(path), isNotFound);
  });

  it('deletion also takes the bare file that a crash leaves', async () => {
    mkdirSync('/run/netns', { recursive: true });
    writeFileSync(path, '');
    assert.equal(netnsExists(path), false);
    await deleteNetns(path);
    assert.equal(existsSync(path), false);
  });

  it('opening a missing one is not-found', () => {
    assert.throws(() => openNetns('/run/netns/t-sys-none'), isNotFound);
    assert.equal(netnsExists('/run/netns/t-sys-none'), false);
    assert.equal(netnsInode('/run/netns/t-sys-none'), undefined);
  });

  it('a file that is no namespace cannot be entered, and the thread stays at home', () => {
    const home = netnsInode();
    assert.throws(
      () => inNetns('/etc/hostname', () => 1),
      (error) => hasCode(error, 'kernel'),
    );
    assert.equal(netnsInode(), home);
  });

  it('visits return values, nest, come back after errors and refuse promises', async () => {
    await inFresh(() => {
      const home = netnsInode();
      const homeNetns = openNetns('/proc/self/ns/net');
      const inside = netnsInode(path);
      assert.equal(
        inNetns(path, () => netnsInode()),
        inside,
      );
      assert.deepEqual(
        inNetns(path, () => [netnsInode(), inNetns(homeNetns, () => netnsInode()), netnsInode()]),
        [inside, home, inside],
      );
      assert.throws(() => inNetns(path, () => assert.fail('from within')), /from within/);
      assert.throws(
        () => inNetns(path, () => Promise.resolve(1)),
        (error) => hasCode(error, 'internal'),
      );
      homeNetns.close();
      assert.equal(netnsInode(), home);
    });
  });

  it('leave no descriptor behind', async () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 5; i++) {
      await inFresh(() => {
        inNetns(path, () => undefined);
        const door = openNetlink(path);
        door.close();
      });
    }
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });
});

describe('in a namespace', () => {
  before(async () => {
    createNetns(path);
    const door = openNetlink(path);
    await door.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
    door.close();
  });
  after(() => deleteNetns(path));

  for (const host of ['127.0.0.1', '::1']) {
    it(`TCP: Node serves and connects there through descriptors made there, ${host}`, async () => {
      const ip = parseIp(host);
      const server = net.createServer((socket) => socket.end('from within'));
      server.listen({ fd: listenTcp(path, { ip, port: 48080 }) });
      await once(server, 'listening');
      const client = new net.Socket({ fd: openTcp(path, host === '::1' ? 6 : 4) });
      client.connect(48080, host);
      let text = '';
      for await (const chunk of client) text += String(chunk);
      assert.equal(text, 'from within');
      const outside = net.connect(48080, host);
      await assert.rejects(once(outside, 'connect'), { code: 'ECONNREFUSED' });
      assert.throws(
        () => listenTcp(path, { ip, port: 48080 }),
        /Cannot listen on .*48080\/TCP: address already in use/,
      );
      server.close();
      await once(server, 'close');
    });

    it(`UDP: Node receives and answers there through a descriptor made there, ${host}`, async () => {
      const ip = parseIp(host);
      const type = host === '::1' ? 'udp6' : 'udp4';
      const [server, client] = [dgram.createSocket(type), dgram.createSocket(type)];
      server.on('message', (message, from) =>
        server.send(`echo ${String(message)}`, from.port, from.address),
      );
      server.bind({ fd: bindUdp(path, { ip, port: 5300 }) });
      client.bind({ fd: bindUdp(path, { ip, port: 0 }) });
      assert.equal(server.address().port, 5300);
      client.send('hello', 5300, host);
      const [answer] = (await once(client, 'message')) as [Buffer];
      assert.equal(String(answer), 'echo hello');
      server.close();
      client.close();
    });
  }

  it('an IPv6 listener leaves IPv4 free', async () => {
    const servers = [
      listenTcp(path, { ip: parseIp('::'), port: 9000 }),
      listenTcp(path, { ip: parseIp('0.0.0.0'), port: 9000 }),
    ].map((fd) => net.createServer().listen({ fd }));
    for (const server of servers) {
      server.close();
      await once(server, 'close');
    }
  });

  it('an address that is not there binds only as a free bind', async () => {
    const at = { ip: parseIp('10.96.0.10'), port: 53 };
    assert.throws(
      () => bindUdp(path, at),
      (error) => hasCode(error, 'kernel') && error.details['errno'] === 'EADDRNOTAVAIL',
    );
    dgram
      .createSocket('udp4')
      .bind({ fd: bindUdp(path, at, { isFreeBind: true }) })
      .close();
  });

  it('settings are those of the namespace', () => {
    const before = readSysctl(undefined, 'net/ipv4/ip_default_ttl');
    writeSysctl(path, 'net/ipv4/ip_default_ttl', 77);
    assert.equal(readSysctl(path, 'net/ipv4/ip_default_ttl'), '77');
    assert.equal(readSysctl(undefined, 'net/ipv4/ip_default_ttl'), before);
    writeSysctls(path, { 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
    assert.equal(readSysctl(path, 'net/ipv6/conf/all/forwarding'), '1');
    assert.throws(() => readSysctl(path, 'net/ipv4/nothing'), isNotFound);
    assert.throws(() => writeSysctl(path, 'net/ipv4/nothing', 1), isNotFound);
    assert.throws(
      () => writeSysctl(path, 'net/ipv4/ip_forward', 'x'),
      (error) => hasCode(error, 'kernel') && error.details['errno'] === 'EINVAL',
    );
    assert.throws(
      () => readSysctl(path, 'net/../../self/environ'),
      (error) => hasCode(error, 'invalid'),
    );
  });

  it('programs run there', async () => {
    const { stdout } = await runProgram('readlink', ['/proc/self/ns/net'], { netns: path });
    assert.equal(stdout.trim(), `net:[${netnsInode(path)}]`);
  });

  it('nftables: a script is loaded whole or not at all, listed and deleted', async () => {
    const table = { family: 'inet', name: 't-sys' } as const;
    await applyNft('table inet t-sys {\n set s { type ipv4_addr\n elements = { 10.0.0.1 }\n }\n}\n', {
      netns: path,
    });
    assert.deepEqual(await listNftTables({ netns: path }), [table]);
    const objects = await listNftTable(table, { netns: path });
    assert.deepEqual(
      objects?.map((object) => Object.keys(object)[0]),
      ['table', 'set'],
    );
    const broken = 'add set inet t-sys other { type ipv4_addr; }\nadd rule inet t-sys nowhere accept\n';
    await assert.rejects(
      applyNft(broken, { netns: path }),
      (error) => hasCode(error, 'kernel') && /nowhere/.test(error.message),
    );
    assert.equal((await listNftTable(table, { netns: path }))?.length, 2);
    await deleteNftTable(table, { netns: path });
    await deleteNftTable(table, { netns: path });
    assert.equal(await listNftTable(table, { netns: path }), undefined);
  });
});

after(() => rmSync(path, { force: true }));
