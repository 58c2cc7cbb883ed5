// Maglev in the programs themselves: two nodes that know nothing of each other send each outside client to the same endpoint.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FrontendRow, RowEndpoint } from '../../src/backends/service-ebpf/frontend-row.ts';
import { sortedEndpoints } from '../../src/backends/service-ebpf/frontend-row.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { anEbpfRow } from '../support/ebpf-row.ts';
import { openPacketLab, readRun, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const CLIENTS = 1500;
const ENDPOINTS = 12;
const PORT = 30_080;

interface FamilyCase {
  readonly name: string;
  readonly client: string;
  /** At a node port each node has an address of its own. */
  readonly nodes: readonly [string, string];
  readonly endpoint: (n: number) => string;
}

const FAMILIES: readonly FamilyCase[] = [
  {
    name: 'IPv4',
    client: '203.0.113.9',
    nodes: ['192.0.2.1', '192.0.2.2'],
    endpoint: (n) => `10.77.0.${n + 1}`,
  },
  { name: 'IPv6', client: '2001:db8::9', nodes: ['fd99::1', 'fd99::2'], endpoint: (n) => `fd77::${n + 1}` },
];

const lifetime = new Lifetime('test');
let labs: readonly [PacketLab, PacketLab];

before(async () => {
  labs = [await openPacketLab(lifetime), await openPacketLab(lifetime)];
});
after(() => lifetime.close());

/** Clients that keep their address: what the program made of the packet shows the endpoint. */
function aRow(ip: string, endpoints: readonly string[], over: Partial<FrontendRow> = {}): FrontendRow {
  const all = endpoints.map((it): RowEndpoint => ({ ip: parseIp(it), port: parsePort(8080) }));
  const place = {
    ip: parseIp(ip),
    port: parsePort(PORT),
    masqueradesOutside: false,
    isExclusiveAddress: false,
  };
  return anEbpfRow(sortedEndpoints(all), { ...place, isMaglev: true, ...over });
}

interface Asking {
  readonly client: string;
  readonly node: string;
  readonly flags?: number;
}

/** The endpoint of a new flow from each of the client's ports. */
function endpointsOf(lab: PacketLab, { client, node, flags = p.SYN }: Asking): readonly string[] {
  const { flows } = lab.bpf.maps;
  flows.deleteAll(flows.entries().map(([key]) => key));
  return Array.from({ length: CLIENTS }, (_, at) => {
    const ends = { source: client, destination: node };
    const payload = p.tcp({ ...ends, sourcePort: 10_000 + at, destinationPort: PORT, flags });
    const { verdict, destination, isSound } = readRun(
      lab.arrives(p.frame({ ...ends, protocol: p.TCP, payload })),
    );
    assert.deepEqual([verdict, isSound], ['ok', true]);
    return destination;
  });
}

function shareOf<T>(all: readonly T[], isOne: (it: T, at: number) => boolean): number {
  return all.filter(isOne).length / all.length;
}

for (const family of FAMILIES) {
  describe(family.name, () => {
    const { client, nodes } = family;
    const all = Array.from({ length: ENDPOINTS }, (_, n) => family.endpoint(n));
    const [here, there] = nodes;

    test('the same client meets the same endpoint at both nodes, whatever they did before', async () => {
      await labs[0].programRows([aRow(here, all)]);
      await labs[1].programRows([aRow(there, all.slice(3), { isMaglev: false })]);
      await labs[1].programRows([aRow(there, [...all].reverse())]);
      const found = endpointsOf(labs[0], { client, node: here });
      assert.deepEqual(endpointsOf(labs[1], { client, node: there }), found);
      for (const it of all) {
        const share = shareOf(found, (endpoint) => endpoint === it);
        assert.ok(share > 0.5 / ENDPOINTS && share < 1.5 / ENDPOINTS, `${it} has ${share} of the flows`);
      }
    });

    test('a connection goes on where its packets come by another node from its middle on', async () => {
      await labs[0].programRows([aRow(here, all)]);
      await labs[1].programRows([aRow(there, all)]);
      const found = endpointsOf(labs[0], { client, node: here });
      assert.deepEqual(endpointsOf(labs[1], { client, node: there, flags: p.ACK }), found);
    });

    test('without an endpoint its clients move, and few others', async () => {
      await labs[0].programRows([aRow(here, all)]);
      const before = endpointsOf(labs[0], { client, node: here });
      const [gone = '', ...rest] = all;
      await labs[0].programRows([aRow(here, rest)]);
      const after = endpointsOf(labs[0], { client, node: here });
      assert.ok(!after.includes(gone));
      const moved = shareOf(before, (it, at) => it !== gone && it !== after[at]);
      assert.ok(moved < 0.1, `${moved} of the clients moved`);
    });

    test('with session affinity all flows of a client go to one endpoint, the same at both nodes', async () => {
      await labs[0].programRows([aRow(here, all, { affinityTimeoutS: 60 })]);
      await labs[1].programRows([aRow(there, all, { affinityTimeoutS: 60 })]);
      const found = new Set(endpointsOf(labs[0], { client, node: here }));
      assert.equal(found.size, 1);
      assert.deepEqual(new Set(endpointsOf(labs[1], { client, node: there })), found);
    });
  });
}
