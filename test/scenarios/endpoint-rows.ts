// Endpoints of every kind behind a Service: ports of one name and different numbers, pods on the network of their node, addresses
// that somebody wrote down by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';
import { withOutsider } from './outsider.ts';
import { fromEverywhere, PLACES } from './places.ts';
import type { Prober } from './prober-client.ts';

const COUNT = 40;
const PROGRAMMED_MS = 3000;
/** A part of it: of an address that no node knows yet the kernel refuses a client six datagrams at once, and is silent to others. */
const ANSWER_MS = 500;
const BY_HAND = 'by-hand';

export function endpointRows(world: () => World): void {
  fromEverywhere(
    'a named target port is the number that each pod gives it, TCP and UDP',
    world,
    async (prober, family) => {
      const host = world().service('twins')[family];
      for (const [kind, port, say] of [
        ['http', 80, '/hostname'],
        ['udp', 81, 'hostname'],
      ] as const) {
        const ask = { kind, host, port, say };
        const tally = await prober.request('many', { ask, count: COUNT, atOnce: 4 });
        // That one of two is never chosen happens once in half a million million runs.
        assert.deepEqual([tally.errors, Object.keys(tally.texts).sort()], [{}, ['twin-a', 'twin-b']]);
      }
    },
  );

  fromEverywhere(
    'a pod on the network of its node serves a Service, TCP and UDP',
    world,
    async (prober, family) => {
      const host = world().service('on-node')[family];
      const http = await prober.ask({ kind: 'http', host, port: 80, say: '/hostname' });
      assert.equal(http.text ?? http.error, 'on-node');
      const udp = await prober.ask({ kind: 'udp', host, port: 81, say: '' });
      assert.deepEqual([udp.error, udp.peer], [undefined, host]);
    },
  );

  test('it sees pods of other nodes with their own addresses', async () => {
    const { first } = world();
    for (const family of FAMILIES) {
      const host = world().service('on-node')[family];
      const http = await first.prober.ask({ kind: 'http', host, port: 80, say: '/clientip' });
      const udp = await first.prober.ask({ kind: 'udp', host, port: 81, say: '' });
      assert.deepEqual([http.text, udp.text], [first.ips[family], first.ips[family]]);
    }
  });

  test('a Service without selector leads to the outside by slices that somebody wrote; without them it refuses', () =>
    byHandRow(world()));
}

async function byHandRow(world: World): Promise<void> {
  await withOutsider(world.outside, async (ports) => {
    world.apply(JSON.stringify(byHand(world.outside, ports)));
    try {
      const hosts = serviceIps(world);
      for (const place of PLACES) {
        const prober = place.prober(world);
        const node = world.nodes[prober === world.hostNetworkPod ? 1 : 0];
        for (const family of FAMILIES) {
          await eventually(async () => {
            const said = await both(prober, hosts[family]);
            assert.deepEqual(said, [node?.ips[family], node?.ips[family]], `${place.name}, IPv${family}`);
          }, PROGRAMMED_MS);
        }
      }
      world.kubectl('-n', 'net', 'delete', 'endpointslices', '-l', `kubernetes.io/service-name=${BY_HAND}`);
      await eventually(async () => {
        for (const family of FAMILIES)
          assert.deepEqual(await both(world.first.prober, hosts[family]), ['ECONNREFUSED', 'ECONNREFUSED']);
      }, PROGRAMMED_MS);
    } finally {
      world.kubectl('-n', 'net', 'delete', 'service', BY_HAND);
    }
  });
}

/** What the Service says by TCP and UDP, or the errors. */
async function both(prober: Prober, host: string): Promise<readonly (string | undefined)[]> {
  const answers = await Promise.all([
    prober.ask({ kind: 'http', host, port: 80, say: '/', timeoutMs: ANSWER_MS }),
    prober.ask({ kind: 'udp', host, port: 81, say: '', isConnected: true, timeoutMs: ANSWER_MS }),
  ]);
  return answers.map((it) => it.text ?? it.error);
}

function serviceIps(world: World): Readonly<Record<Family, string>> {
  const text = world.kubectl('-n', 'net', 'get', 'service', BY_HAND, '-o', 'jsonpath={.spec.clusterIPs}');
  const [ipv4 = '', ipv6 = ''] = JSON.parse(text) as readonly string[];
  return { 4: ipv4, 6: ipv6 };
}

function byHand(
  ips: Readonly<Record<Family, string>>,
  ports: { readonly http: number; readonly udp: number },
): object {
  const slices = FAMILIES.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${BY_HAND}-${family}`,
      namespace: 'net',
      labels: { 'kubernetes.io/service-name': BY_HAND },
    },
    addressType: `IPv${family}`,
    ports: [
      { name: 'http', port: ports.http },
      { name: 'talk', protocol: 'UDP', port: ports.udp },
    ],
    endpoints: [{ addresses: [ips[family]] }],
  }));
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: BY_HAND, namespace: 'net' },
    spec: {
      ipFamilyPolicy: 'RequireDualStack',
      ports: [
        { name: 'http', port: 80 },
        { name: 'talk', protocol: 'UDP', port: 81 },
      ],
    },
  };
  return { apiVersion: 'v1', kind: 'List', items: [service, ...slices] };
}
