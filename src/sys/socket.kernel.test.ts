import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { hasCode } from '../base/errors.ts';
import { parseIp } from '../base/ip.ts';
import { openNetlink } from './netlink.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { bindUdp, listenTcp, netnsCookie, openTcp } from './socket.ts';

let netns: Netns;
before(async () => {
  netns = anonymousNetns();
  const door = openNetlink(netns);
  await door.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
  door.close();
});
after(() => netns.close());

describe('netnsCookie()', () => {
  it('is the same for one namespace and another for each other', () => {
    const other = anonymousNetns();
    try {
      assert.equal(netnsCookie(netns), netnsCookie(netns));
      const cookies = new Set([netnsCookie(netns), netnsCookie(other), netnsCookie(undefined)]);
      assert.equal(cookies.size, 3);
      assert.ok(!cookies.has(0n));
    } finally {
      other.close();
    }
  });
});

describe('sockets made in a namespace', () => {
  for (const host of ['127.0.0.1', '::1']) {
    it(`TCP: Node serves and connects there through descriptors made there, ${host}`, async (t) => {
      const ip = parseIp(host);
      const server = net.createServer((socket) => socket.end('from within'));
      server.listen({ fd: listenTcp(netns, { ip, port: 48080 }) });
      t.after(() => server.close());
      await once(server, 'listening');
      const client = new net.Socket({ fd: openTcp(netns, host === '::1' ? 6 : 4) });
      client.connect(48080, host);
      let text = '';
      for await (const chunk of client) text += String(chunk);
      assert.equal(text, 'from within');
      const outside = net.connect(48080, host);
      await assert.rejects(once(outside, 'connect'), { code: 'ECONNREFUSED' });
      assert.throws(
        () => listenTcp(netns, { ip, port: 48080 }),
        /Cannot listen on .*48080\/TCP: address already in use/,
      );
    });

    it(`UDP: Node receives and answers there through a descriptor made there, ${host}`, async (t) => {
      const ip = parseIp(host);
      const type = host === '::1' ? 'udp6' : 'udp4';
      const [server, client] = [dgram.createSocket(type), dgram.createSocket(type)];
      t.after(() => [server, client].forEach((socket) => socket.close()));
      server.on('message', (message, from) =>
        server.send(`echo ${String(message)}`, from.port, from.address),
      );
      server.bind({ fd: bindUdp(netns, { ip, port: 5300 }) });
      client.bind({ fd: bindUdp(netns, { ip, port: 0 }) });
      assert.equal(server.address().port, 5300);
      client.send('hello', 5300, host);
      const [answer] = (await once(client, 'message')) as [Buffer];
      assert.equal(String(answer), 'echo hello');
    });
  }

  it('an IPv6 listener leaves IPv4 free', async () => {
    const servers = [
      listenTcp(netns, { ip: parseIp('::'), port: 9000 }),
      listenTcp(netns, { ip: parseIp('0.0.0.0'), port: 9000 }),
    ].map((fd) => net.createServer().listen({ fd }));
    for (const server of servers) {
      server.close();
      await once(server, 'close');
    }
  });

  it('an address that is not there binds only as a free bind', async () => {
    const at = { ip: parseIp('10.96.0.10'), port: 53 };
    assert.throws(
      () => bindUdp(netns, at),
      (error) => hasCode(error, 'kernel') && error.details['errno'] === 'EADDRNOTAVAIL',
    );
    dgram
      .createSocket('udp4')
      .bind({ fd: bindUdp(netns, at, { isFreeBind: true }) })
      .close();
  });
});
