import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aBackend, aModel, aRule } from '../../test/support/proxy-models.ts';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { renderUdp } from './udp-table.ts';

/** A listener at port 53 and one at 54 without a route; endpoints as "ip port". */
function aUdpModel(
  weights: Readonly<Record<string, number>>,
  backends: Readonly<Record<string, readonly string[]>>,
): ProxyModel {
  const { backends: weighted } = aRule('', weights);
  const named = { hostname: undefined };
  return aModel({
    ports: [],
    udpPorts: [
      { ...named, id: 'a/b/dns', port: parsePort(53), target: { id: 'UDPRoute/a/b/0', backends: weighted } },
      { ...named, id: 'a/b/none', port: parsePort(54), target: undefined },
    ],
    backends: Object.entries(backends).map(([id, endpoints]) =>
      aBackend(
        id,
        endpoints.map((it) => {
          const [ip = '', port] = it.split(' ');
          return { ip: parseIp(ip), port: parsePort(Number(port)) };
        }),
        { protocol: 'udp' },
      ),
    ),
  });
}

/** The rules of each chain that is about ports and backends. */
function rulesOf(model: ProxyModel): Readonly<Record<string, readonly string[]>> {
  const chains = renderUdp(model)?.filter(({ name }) => /^(prerouting|port|backend)/.test(name)) ?? [];
  return Object.fromEntries(chains.map(({ name, rules }) => [name, rules.map(({ text }) => text)]));
}

test('renderUdp() shares by weight and family, and drops the share of who leads nowhere', () => {
  const model = aUdpModel(
    { both: 3, six: 1, empty: 2, '': 1, zero: 0 },
    {
      both: ['10.0.0.1 5353', '10.0.0.2 53', 'fd00::1 53'],
      six: ['fd00::2 53'],
      empty: [],
      zero: ['10.0.0.9 53'],
    },
  );
  assert.deepEqual(rulesOf(model), {
    prerouting: ['fib daddr type local udp dport vmap { 53 : goto port53 }'],
    port53: [
      'meta nfproto ipv4 numgen random mod 7 vmap { 0-2 : goto backend0v4, 3 : drop, 4-5 : drop, 6 : drop }',
      'meta nfproto ipv6 numgen random mod 7 vmap { 0-2 : goto backend0v6, 3 : goto backend1v6, 4-5 : drop, 6 : drop }',
    ],
    backend0v4: [
      'meta l4proto udp dnat ip to numgen random mod 2 map { 0 : 10.0.0.1 . 5353, 1 : 10.0.0.2 . 53 }',
    ],
    backend0v6: ['meta l4proto udp dnat ip6 to numgen random mod 1 map { 0 : fd00::1 . 53 }'],
    backend1v6: ['meta l4proto udp dnat ip6 to numgen random mod 1 map { 0 : fd00::2 . 53 }'],
  });
});

test('renderUdp() drops what a route has no weight or endpoint for, and has no table without a listener', () => {
  for (const weights of [{ a: 0 }, {}, { empty: 5 }])
    assert.deepEqual(rulesOf(aUdpModel(weights, { a: ['10.0.0.1 53'], empty: [] }))['port53'], [
      'meta nfproto ipv4 drop',
      'meta nfproto ipv6 drop',
    ]);
  assert.equal(renderUdp(aModel({ ports: [] })), undefined);
});

test('renderUdp() marks every rule by what it says', () => {
  const marks = (ip: string): readonly string[] =>
    (renderUdp(aUdpModel({ a: 1 }, { a: [`${ip} 53`] })) ?? []).flatMap(({ rules }) =>
      rules.map(({ mark }) => mark),
    );
  const [one, two] = [marks('10.0.0.1'), marks('10.0.0.2')];
  assert.equal(one.filter((it, at) => it !== two[at]).length, 1);
  assert.deepEqual(one, marks('10.0.0.1'));
});
