// A Corefile that comes while the process answers: taken as a whole or not at all, and still there after the process was killed.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { askUdp, startDnsProcess } from '../../test/support/dns-process.ts';
import { startUpstream } from '../../test/support/dns-upstream.ts';
import { eventually } from '../../test/support/eventually.ts';
import { systemClock } from '../base/clock.ts';
import type { DnsConfigFile } from './config.ts';
import { connectZoneFeed } from './feed.ts';

const PORT = 20_000 + ((process.pid + 2500) % 10_000);
const V4 = { ip: '127.0.0.1', port: PORT };
const folder = mkdtempSync(`${tmpdir()}/t-dns-live-`);
after(() => rmSync(folder, { recursive: true }));

const address = async (name: string): Promise<string | undefined> => {
  const answer = await askUdp(`${name} A`, V4);
  return answer?.[1]?.split(' ').at(-1) ?? answer?.[0];
};

test('the DNS process takes the Corefile of the feed, refuses one with errors, and keeps what it took', async () => {
  const [host, corp] = [
    await startUpstream({ answer: '192.0.2.1' }),
    await startUpstream({ answer: '192.0.2.2' }),
  ];
  const config: DnsConfigFile = {
    listen: ['127.0.0.1'],
    port: PORT,
    zoneFile: `${folder}/zone`,
    feedSocket: `${folder}/dns.sock`,
    clusterDomain: 'cluster.local',
    upstreams: [host.address],
  };
  const end = new AbortController();
  const options = { clock: systemClock, random: Math.random, signal: end.signal };
  const feed = connectZoneFeed(config.feedSocket, options);
  let dns = startDnsProcess(`${folder}/dns.json`, config);
  try {
    await dns.said('answering');
    assert.equal(await address('wiki.corp.example'), '192.0.2.1');
    feed.configure(`
      .:53 {
        kubernetes cluster.local
        hosts {
          192.0.2.9 printer.example
          fallthrough
        }
        forward . /etc/resolv.conf
      }
      corp.example {
        forward . ${corp.address}
      }`);
    await eventually(async () => assert.equal(await address('wiki.corp.example'), '192.0.2.2'));
    assert.equal(await address('printer.example'), '192.0.2.9');
    assert.equal(await address('example.org'), '192.0.2.1', "the host's are those of the configuration");

    const answers = new Set<string | undefined>();
    let isOver = false;
    const asking = (async () => {
      while (!isOver) answers.add(await address('printer.example'));
    })();
    for (let i = 0; i < 30; i++) {
      feed.configure(
        `. {\n kubernetes cluster.local {\n ttl ${i}\n }\n hosts {\n 192.0.2.9 printer.example\n }\n}`,
      );
      await systemClock.sleep(10);
    }
    isOver = true;
    await asking;
    assert.deepEqual([...answers], ['192.0.2.9'], 'no question is lost while Corefiles come');

    feed.configure(
      '. {\n kubernetes cluster.local\n log example\n hosts {\n 192.0.2.9 printer.example\n }\n}',
    );
    await eventually(async () => {
      await address('printer.example');
      assert.match(dns.log(), /"msg":"127\.0\.0\.1:- - \d+ \\"A IN printer\.example\. udp/);
    });
    feed.publish({ prefixes: [], entries: new Map() });
    for (const [mode, said] of [
      ['pods insecure', 'NOERROR aa'],
      ['pods disabled', 'NXDOMAIN aa'],
    ] as const) {
      feed.configure(
        `. {\n kubernetes cluster.local {\n ${mode}\n }\n hosts {\n 192.0.2.9 printer.example\n fallthrough\n }\n}`,
      );
      await eventually(async () => {
        assert.equal((await askUdp('10-244-1-7.shop.pod.cluster.local A', V4))?.[0], said);
      });
    }

    const [named, logged] = ['10-244-1-8.shop.pod.cluster.local', /A IN 10-244-1-8\.shop\.pod/g];
    const lines = (): number => dns.log().match(logged)?.length ?? 0;
    feed.configure('. {\n kubernetes cluster.local {\n pods insecure\n }\n log cluster.local\n}');
    await eventually(async () => {
      await askUdp(`${named} A`, V4);
      assert.ok(lines() > 0);
    });
    const before = lines();
    for (let i = 0; i < 3; i++) await askUdp(`${named} A`, V4);
    await eventually(() => assert.equal(lines(), before + 3, 'what memory has is logged, too'));
    feed.configure('. {\n kubernetes cluster.local\n hosts {\n 192.0.2.9 printer.example\n }\n}');
    await eventually(async () => assert.equal(await address('printer.example'), '192.0.2.9'));

    for (const [text, because] of [
      ['. {\n template ANY ANY\n}', /^Corefile:2:2: error: template/],
      [
        `. {\n kubernetes cluster.local\n forward . 127.0.0.1:${PORT}\n}`,
        /an address of this process itself/,
      ],
    ] as const) {
      feed.configure(text);
      await eventually(() => assert.match(feed.corefileRefusal ?? '', because));
      assert.equal(await address('printer.example'), '192.0.2.9', 'the former one is in force');
    }
    await dns.said('Corefile refused: the former one stays in force');

    await dns.end('SIGKILL');
    end.abort();
    await feed.closed;
    dns = startDnsProcess(`${folder}/dns.json`, config);
    await dns.said('answering');
    assert.equal(await address('printer.example'), '192.0.2.9');

    const again = new AbortController();
    const second = connectZoneFeed(config.feedSocket, { ...options, signal: again.signal });
    second.configure(undefined);
    await eventually(async () => assert.equal(await address('printer.example'), '192.0.2.1'));
    again.abort();
    await second.closed;
    await dns.end('SIGKILL');
    dns = startDnsProcess(`${folder}/dns.json`, config);
    await dns.said('answering');
    assert.equal(await address('printer.example'), '192.0.2.1', 'nothing is left of it');
  } finally {
    end.abort();
    await feed.closed;
    await dns.end('SIGKILL');
    host.close();
    corp.close();
  }
});
