// What is said of a name from the programs' maps: those of the target that writes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeBpfMap } from '../../test/support/fake-bpf-map.ts';
import { typedNodeMaps, type NodeMaps } from '../backends/shared-bpf/node-maps.ts';
import { ipToBytes, parseIp } from '../base/ip.ts';
import { DNS_HELD } from '../wire/bpf-maps-names.ts';
import { nameToBytes, parseDnsName } from '../wire/dns/name.ts';
import { lookUpKernelName } from './kernel-name.ts';

const SERVER = parseIp('10.96.0.10');
const NONE = new Uint8Array();

function someMaps(): NodeMaps {
  const hooks = { beforeWrite: () => undefined, afterWrite: () => undefined };
  return typedNodeMaps((name) => new FakeBpfMap(name, hooks));
}

function withNames(maps = someMaps()): NodeMaps {
  maps.dnsZone.update({ index: 0 }, { ttlS: 5, udpPayloadBytes: 1232, domainBytes: 15, soa: NONE });
  maps.dnsServers.update({ ip: SERVER }, { isOurs: 1 });
  const put = (text: string, row: Partial<Parameters<NodeMaps['dnsNames']['update']>[1]>): void => {
    const name = nameToBytes(parseDnsName(text));
    const none = { nameId: 0n, v4Held: DNS_HELD.none, v6Held: DNS_HELD.none, v4: NONE, v6: NONE };
    maps.dnsNames.update({ name }, { ...none, nameBytes: name.length, ...row });
  };
  put('web.shop.svc.cluster.local', { v4Held: DNS_HELD.here, v4: ipToBytes(parseIp('10.96.0.7')) });
  put('db.shop.svc.cluster.local', { nameId: 9n, v6Held: DNS_HELD.beside });
  const octets = Buffer.concat(['fd00::1', 'fd00::2'].map((it) => ipToBytes(parseIp(it))));
  maps.dnsAddresses.update({ id: 9n, family: 6 }, { count: 2, octets });
  return maps;
}

const ROWS = [
  { name: 'Web.shop.svc.cluster.local.', addresses: { 4: ['10.96.0.7'], 6: [] } },
  { name: 'db.shop.svc.cluster.local', addresses: { 4: [], 6: ['fd00::1', 'fd00::2'] } },
  { name: 'nobody.shop.svc.cluster.local', addresses: undefined },
  { name: `${'a'.repeat(60)}.${'b'.repeat(60)}.svc.cluster.local`, addresses: undefined },
];

for (const { name, addresses } of ROWS)
  test(`lookUpKernelName() of ${name.slice(0, 30)}`, () => {
    assert.deepEqual(lookUpKernelName(withNames(), name), { servers: [SERVER], addresses });
  });

test('lookUpKernelName() says that nothing is answered where the zone or the servers are not there', () => {
  const nothing = { servers: [], addresses: undefined };
  const maps = withNames();
  maps.dnsServers.delete({ ip: SERVER });
  assert.deepEqual(lookUpKernelName(maps, 'web.shop.svc.cluster.local'), nothing);
  const closed = withNames();
  closed.dnsZone.update({ index: 0 }, { ttlS: 0, udpPayloadBytes: 0, domainBytes: 0, soa: NONE });
  assert.deepEqual(lookUpKernelName(closed, 'web.shop.svc.cluster.local'), nothing);
});

test('lookUpKernelName() refuses what is no name', () => {
  assert.throws(() => lookUpKernelName(someMaps(), 'a..b'), { code: 'invalid' });
});
