// Services as clients outside of the cluster see them: this machine asks, by load balancers' addresses, node ports and host ports, with each
// Service backend in turn.

import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { setProxy } from './backend-rows.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';
import { ipOf } from './pod-network-rows.ts';
import { ask } from './prober-asks.ts';
import type { Answer } from './prober-types.ts';

const POD = 'outer';
const SERVICES = ['outer-cluster', 'outer-local', 'outer-direct', 'outer-invited', 'outer-uninvited'];
const HOST_PORTS = { tcp: 8088, udp: 8089 };
/** Longer than any answer takes on this machine: what says nothing until then is silent. */
const SILENT_MS = 700;
const ADDRESSES_MS = 15_000;

/** Where a Service is reached from outside. */
interface Exposed {
  readonly ips: Readonly<Record<Family, string>>;
  readonly nodePorts: Ports;
}

interface Ports {
  readonly tcp: number;
  readonly udp: number;
}

interface RawService {
  readonly spec: { readonly ports: readonly { readonly nodePort: number }[] };
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] } };
}

export function outsideRows(world: () => World, backends: readonly string[]): void {
  const services = new Map<string, Exposed>();
  const service = (name: string): Exposed => {
    const found = services.get(name);
    assert.ok(found, name);
    return found;
  };

  before(async () => {
    world().apply('outside.yaml');
    world().kubectl('-n', 'net', 'wait', `pod/${POD}`, '--for=condition=Ready', '--timeout=30s');
    await eventually(() => {
      for (const name of SERVICES) services.set(name, exposed(world(), name));
    }, ADDRESSES_MS);
  });

  for (const backend of backends) {
    suite(backend, () => {
      before(() => setProxy(world().cluster, backend));
      loadBalancerRows(world, service);
      nodePortRows(world, service);
      directRows(backend, world, service);
      rangeRow(service);
      hostPortRow(world);
    });
  }
}

function loadBalancerRows(world: () => World, service: (name: string) => Exposed): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: a load balancer's address answers; the client's address is seen with policy Local alone`, async () => {
      const [cluster, local] = [service('outer-cluster').ips[family], service('outer-local').ips[family]];
      const client = world().outside[family];
      for (const answer of await bothWays(local, LOAD_BALANCER_PORTS, 'clientip'))
        assert.equal(seenBy(answer), client, `policy Local, ${JSON.stringify(answer)}`);
      for (const answer of await bothWays(cluster, LOAD_BALANCER_PORTS, 'clientip'))
        assertNode(world(), family, answer);
    });
  }
}

function nodePortRows(world: () => World, service: (name: string) => Exposed): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: a node port answers on every node, with policy Local on those that have an endpoint`, async () => {
      const [cluster, local] = [service('outer-cluster').nodePorts, service('outer-local').nodePorts];
      await Promise.all(
        world().nodes.map(async ({ name, ips }) => {
          for (const answer of await bothWays(ips[family], cluster, 'clientip'))
            assertNode(world(), family, answer);
          for (const answer of await bothWays(ips[family], local, 'clientip')) {
            const expected = name === 'node-2' ? world().outside[family] : 'timeout';
            assert.equal(seenBy(answer), expected, `policy Local on ${name}`);
          }
        }),
      );
    });
  }
}

function directRows(backend: string, world: () => World, service: (name: string) => Exposed): void {
  const isDirect = backend === 'ebpf';
  for (const family of FAMILIES) {
    test(`IPv${family}: direct return ${isDirect ? 'shows the client' : 'is left aside'}, at the load balancer's address and at every node's port`, async () => {
      const { ips, nodePorts } = service('outer-direct');
      const asked = [
        bothWays(ips[family], LOAD_BALANCER_PORTS, 'clientip'),
        ...world().nodes.map((node) => bothWays(node.ips[family], nodePorts, 'clientip')),
      ];
      for (const answer of (await Promise.all(asked)).flat())
        if (isDirect) assert.equal(seenBy(answer), world().outside[family], JSON.stringify(answer));
        else assertNode(world(), family, answer);
    });
  }
}

function rangeRow(service: (name: string) => Exposed): void {
  test('source ranges: who is in them is answered, others hear nothing, in both families', async () => {
    await Promise.all(
      FAMILIES.map(async (family) => {
        const invited = await bothWays(service('outer-invited').ips[family], LOAD_BALANCER_PORTS, 'hostname');
        assert.deepEqual(said(invited), [POD, POD], `IPv${family}`);
        const uninvited = await bothWays(
          service('outer-uninvited').ips[family],
          LOAD_BALANCER_PORTS,
          'hostname',
        );
        assert.deepEqual(said(uninvited), ['timeout', 'timeout'], `IPv${family}`);
      }),
    );
  });
}

function hostPortRow(world: () => World): void {
  test('a host port answers on the node of its pod, which sees the client’s address', async () => {
    const node = world().nodes.find(({ name }) => name === 'node-2');
    for (const family of FAMILIES) {
      const answers = await bothWays(node?.ips[family] ?? '', HOST_PORTS, 'clientip');
      const client = world().outside[family];
      assert.deepEqual(said(answers).map(ipOf), [client, client], JSON.stringify(answers));
    }
  });
}

const LOAD_BALANCER_PORTS: Ports = { tcp: 80, udp: 81 };

/** By TCP and by UDP, from this machine's own network. */
function bothWays(host: string, { tcp, udp }: Ports, say: string): Promise<readonly Answer[]> {
  return Promise.all([
    ask({ kind: 'http', host, port: tcp, say: `/${say}`, timeoutMs: SILENT_MS }),
    ask({ kind: 'udp', host, port: udp, say, isConnected: true, timeoutMs: SILENT_MS }),
  ]);
}

function said(answers: readonly Answer[]): readonly string[] {
  return answers.map((it) => it.text ?? it.error ?? '');
}

/** The client's address as the pod saw it, or the error in place of an answer. */
function seenBy({ text, error }: Answer): string | undefined {
  return text === undefined ? error : ipOf(text);
}

/** The pod saw a node's own address in the place of the client's. */
function assertNode({ nodes }: World, family: Family, answer: Answer): void {
  const seen = seenBy(answer);
  assert.ok(
    nodes.some(({ ips }) => ips[family] === seen),
    JSON.stringify(answer),
  );
}

function exposed(world: World, name: string): Exposed {
  const { spec, status } = JSON.parse(
    world.kubectl('-n', 'net', 'get', 'service', name, '-o', 'json'),
  ) as RawService;
  const ips = (status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
  const [v4, v6] = [ips.find((ip) => !ip.includes(':')), ips.find((ip) => ip.includes(':'))];
  const [tcp, udp] = spec.ports.map(({ nodePort }) => nodePort);
  assert.ok(v4 !== undefined && v6 !== undefined && tcp !== undefined && udp !== undefined, name);
  return { ips: { 4: v4, 6: v6 }, nodePorts: { tcp, udp } };
}
