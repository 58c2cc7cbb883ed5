// Stale flows on the real kernel: a client that never stops sending from one port, and a translation made by hand that changes under it.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { scaledMs } from '../../../test/support/time-scale.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { parseCidr } from '../../base/cidr.ts';
import { systemClock } from '../../base/clock.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { Engine } from '../../reconcile/engine.ts';
import { openConntrack, type Conntrack } from '../../sys/conntrack.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { anonymousNetns, type Netns } from '../../sys/netns.ts';
import { applyNft } from '../../sys/nft.ts';
import { bindUdp } from '../../sys/socket.ts';
import { staleFlowPart } from './stale-flows.ts';

type View = Parameters<ReturnType<ReturnType<typeof staleFlowPart>>['want']>[0];

const FAMILIES = [
  { name: 'IPv4', nft: 'ip', vip: '10.96.0.5', client: '10.244.1.7', one: '10.244.1.1', two: '10.244.1.2' },
  { name: 'IPv6', nft: 'ip6', vip: 'fd96::5', client: 'fd44::7', one: 'fd44::1', two: 'fd44::2' },
] as const;
const PORT = 5353;

for (const { name, nft, vip, client: from, one, two } of FAMILIES) {
  describe(`stale flows, ${name}`, () => {
    let netns: Netns;
    let conntrack: Conntrack;
    let client: dgram.Socket;
    const sockets: dgram.Socket[] = [];
    before(async () => {
      netns = anonymousNetns();
      const door = openNetlink(netns);
      await door.apply([{ kind: 'set-link', name: 'lo', isUp: true }]);
      for (const ip of [vip, from, one, two]) {
        const prefixLength = nft === 'ip' ? 32 : 128;
        await door.apply([{ kind: 'add-address', link: 'lo', ip: parseIp(ip), prefixLength }]);
      }
      door.close();
      const type = nft === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
      await applyNft(
        `table ${nft} t {
          map targets { type ${type} . inet_service : ${type} . inet_service; }
          chain out { type nat hook output priority -100;
            dnat to ${nft} daddr . udp dport map @targets
          }
        }\n`,
        { netns },
      );
      conntrack = openConntrack(netns);
      for (const ip of [one, two]) {
        const server = open(ip, PORT);
        server.on('message', (_text, sender) =>
          server.send(ip === one ? 'one' : 'two', sender.port, sender.address),
        );
      }
      client = open(from, 4000);
    });
    after(() => {
      for (const socket of sockets) socket.close();
      conntrack.close();
      netns.close();
    });

    function open(ip: string, port: number): dgram.Socket {
      const socket = dgram.createSocket(nft === 'ip' ? 'udp4' : 'udp6');
      socket.bind({ fd: bindUdp(netns, { ip: parseIp(ip), port }) });
      sockets.push(socket);
      return socket;
    }

    /** Who answers a datagram that the client sends from its one port; undefined for nobody. */
    async function ask(to: string = vip, port = 53): Promise<string | undefined> {
      const signal = AbortSignal.timeout(scaledMs(300));
      const answer = once(client, 'message', { signal }).then(
        ([text]: readonly unknown[]) => String(text),
        () => undefined,
      );
      client.send('who', port, to);
      return answer;
    }

    /** What a backend does: the translation is another one for new flows. */
    async function translate(endpoint: string | undefined): Promise<void> {
      const element = endpoint && `add element ${nft} t targets { ${vip} . 53 : ${endpoint} . ${PORT} }\n`;
      await applyNft(`flush map ${nft} t targets\n${element ?? ''}`, { netns });
    }

    async function sweep(endpoints: readonly string[], isThere = true): Promise<void> {
      const ends = endpoints.map((ip) => (nft === 'ip' ? `${ip}:${PORT}` : `[${ip}]:${PORT}`));
      const frontend = aFrontend(ends, { ip: parseIp(vip), port: parsePort(53), protocol: 'UDP' });
      const engine = new Engine<View>({
        parts: [staleFlowPart<View>(conntrack)],
        clock: systemClock,
        random: () => 0.5,
        report: () => undefined,
      });
      const end = new AbortController();
      const running = engine.run(end.signal);
      engine.submit(
        {
          services: {
            // The clients are pods of the node.
            node: { ...SERVICE_NODE, podCidrs: [parseCidr('0.0.0.0/0'), parseCidr('::/0')] },
            peers: [],
            pods: [],
            frontends: new Map(isThere ? [[frontendKey(frontend), frontend]] : []),
            healthChecks: new Map(),
            cluster: {
              podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd44::/64')],
              serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')],
              clusterDomain: 'cluster.local',
              dnsIps: [],
              nodePortAddresses: [],
              allowsExternalIps: false,
            },
          },
          changedFrontends: undefined,
        },
        1,
      );
      try {
        await eventually(() => engine.isConverged);
      } finally {
        end.abort();
        await running;
      }
    }

    it('a client that goes on sending leaves an endpoint that is none any more', async () => {
      await translate(one);
      assert.equal(await ask(), 'one');
      await translate(two);
      assert.equal(await ask(), 'one', 'the kernel keeps the flow where nobody forgets it');
      await sweep([two]);
      assert.equal(await ask(), 'two');
    });

    it('a flow to an endpoint stays, and so does one from pod to pod', async () => {
      await translate(two);
      await ask();
      assert.equal(await ask(one, PORT), 'one');
      const ids = async (): Promise<ReadonlySet<number>> => new Set((await conntrack.list(() => true)).map((flow) => flow.id));
      const before = await ids();
      assert.ok(before.size >= 2);
      await sweep([two]);
      assert.deepEqual(await ids(), before);
    }); // prettier-ignore

    it('a Service scaled to zero and up again is reached by a client that never stopped', async () => {
      await translate(undefined);
      await sweep([]);
      assert.equal(await ask(), undefined);
      await translate(one);
      assert.equal(await ask(), undefined, 'the untranslated flow holds it');
      await sweep([one]);
      assert.equal(await ask(), 'one');
    });

    it('a Service deleted and made again with other endpoints does not answer from the earlier ones', async () => {
      await translate(undefined);
      await sweep([], false);
      assert.equal(await ask(), undefined);
      await translate(two);
      await sweep([two]);
      assert.equal(await ask(), 'two');
    });
  });
}
