import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { parseCidr } from '../../base/cidr.ts';
import { familyOf, parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import type { FlowTuple, TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { isStale, type FlowView } from './stale-flow.ts';
import { FLOW_REST } from '../../../test/support/tracked-flow.ts';

const CLUSTER = {
  podCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'].map(parseCidr),
  serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr),
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

function aViewOf(frontends: readonly Frontend[]): FlowView {
  const node = (name: string, ...ips: readonly string[]) => ({
    name,
    addresses: ips.map(parseIp),
    podCidrs: name === 'a' ? [parseCidr('10.244.1.0/24'), parseCidr('fd00:10:244:1::/64')] : [],
    labels: new Map(),
  });
  return {
    node: node('a', '10.89.0.10', 'fd00:89::10'),
    peers: [node('b', '10.89.0.11', 'fd00:89::11')],
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    cluster: CLUSTER,
  };
}

/** A flow that was sent to `to` and is answered from `at`. */
function aFlow(to: string, at: string, over: Partial<TrackedFlow> = {}): TrackedFlow {
  const [destination, destinationPort] = endOf(to);
  const [source, sourcePort] = endOf(at);
  const client = parseIp(familyOf(destination) === 4 ? '10.244.1.7' : 'fd00:10:244:1::7');
  const original: FlowTuple = { source: client, sourcePort: 4000, destination, destinationPort };
  const reply: FlowTuple = { source, sourcePort, destination: client, destinationPort: 4000 };
  return { family: familyOf(destination), protocol: 17, original, reply, ...FLOW_REST, ...over };
}

function endOf(text: string): [ReturnType<typeof parseIp>, number] {
  const at = text.lastIndexOf(':');
  return [parseIp(text.slice(0, at).replaceAll(/[[\]]/g, '')), Number(text.slice(at + 1))];
}

const DNS = { ip: parseIp('10.96.0.5'), port: parsePort(53), protocol: 'UDP' } as const;
const [ONE, TWO, GONE] = ['10.244.1.1:5353', '10.244.2.1:5353', '10.244.3.1:5353'];
const dns = aFrontend([ONE, TWO], DNS);
const dns6 = aFrontend(['[fd00:10:244::1]:53'], { ...DNS, ip: parseIp('fd00:10:96::5') });
const empty = aFrontend([], DNS);
const local = aFrontend([], { ...DNS, kind: 'node-local' });
const split = aFrontend([], { ...DNS, inside: aChoice(ONE), outside: aChoice(TWO) });
const nodePort = aFrontend([ONE], { scope: 'node-port', ip: parseIp('10.89.0.10'), port: parsePort(30053), protocol: 'UDP' }); // prettier-ignore

const keptPort = { ...nodePort, masqueradesOutside: false };

function anOutsideFlow(isHidden: boolean): TrackedFlow {
  const flow = aFlow('10.89.0.10:30053', ONE);
  const client = parseIp('192.0.2.9');
  const shown = isHidden ? parseIp('10.89.0.10') : client;
  return {
    ...flow,
    original: { ...flow.original, source: client },
    reply: { ...flow.reply, destination: shown },
  };
}

const ROWS: readonly {
  readonly name: string;
  readonly frontends: readonly Frontend[];
  readonly flow: TrackedFlow;
  readonly expected: boolean;
}[] = [
  { name: 'to an endpoint', frontends: [dns], flow: aFlow('10.96.0.5:53', TWO), expected: false },
  { name: 'to what is no endpoint any more', frontends: [dns], flow: aFlow('10.96.0.5:53', GONE), expected: true },
  { name: 'to another port of an endpoint', frontends: [dns], flow: aFlow('10.96.0.5:53', '10.244.1.1:5354'), expected: true },
  { name: 'to an endpoint in IPv6', frontends: [dns6], flow: aFlow('[fd00:10:96::5]:53', '[fd00:10:244::1]:53'), expected: false },
  { name: 'to no endpoint in IPv6', frontends: [dns6], flow: aFlow('[fd00:10:96::5]:53', '[fd00:10:244::2]:53'), expected: true },
  { name: 'untranslated, before the Service had endpoints', frontends: [dns], flow: aFlow('10.96.0.5:53', '10.96.0.5:53'), expected: true },
  { name: 'untranslated, and there are none', frontends: [empty], flow: aFlow('10.96.0.5:53', '10.96.0.5:53'), expected: false },
  { name: 'translated, and there are none any more', frontends: [empty], flow: aFlow('10.96.0.5:53', ONE), expected: true },
  { name: 'from outside, hidden as it is to be', frontends: [nodePort], flow: anOutsideFlow(true), expected: false },
  { name: 'from outside, not hidden any more', frontends: [nodePort], flow: anOutsideFlow(false), expected: true },
  { name: 'from outside, to keep its address now', frontends: [keptPort], flow: anOutsideFlow(true), expected: true },
  { name: 'from outside, kept as it is to be', frontends: [keptPort], flow: anOutsideFlow(false), expected: false },
  { name: 'to an endpoint for inside clients alone', frontends: [split], flow: aFlow('10.96.0.5:53', ONE), expected: false },
  { name: 'to an endpoint for outside clients alone', frontends: [split], flow: aFlow('10.96.0.5:53', TWO), expected: false },
  { name: 'to cluster DNS on the node itself', frontends: [local], flow: aFlow('10.96.0.5:53', '10.96.0.5:53'), expected: false },
  { name: 'translated, where the node serves now itself', frontends: [local], flow: aFlow('10.96.0.5:53', ONE), expected: true },
  { name: 'to a ClusterIP that has gone', frontends: [], flow: aFlow('10.96.0.5:53', ONE), expected: true },
  { name: 'to a ClusterIP that has gone, untranslated', frontends: [], flow: aFlow('10.96.0.5:53', '10.96.0.5:53'), expected: false },
  { name: 'to a node port', frontends: [nodePort], flow: aFlow('10.89.0.10:30053', ONE), expected: false },
  { name: 'to a node port that has gone, at an endpoint anywhere', frontends: [], flow: aFlow('10.89.0.10:30053', '192.0.2.9:53'), expected: true },
  { name: 'to a host port that has gone', frontends: [], flow: aFlow('10.89.0.10:53', ONE), expected: true },
  { name: 'to a load balancer’s address that has gone, at a pod', frontends: [], flow: aFlow('192.0.2.1:53', ONE), expected: true },
  { name: 'to a load balancer’s address that has gone, at another node', frontends: [], flow: aFlow('192.0.2.1:53', '10.89.0.11:53'), expected: true },
  { name: 'of a port that somebody else translates', frontends: [], flow: aFlow('10.89.0.10:5000', '172.17.0.2:5000'), expected: false },
  { name: 'of a node port number at an address of somebody else', frontends: [], flow: aFlow('192.0.2.1:30053', '172.17.0.2:53'), expected: false },
  { name: 'from pod to pod', frontends: [dns], flow: aFlow(GONE, GONE), expected: false },
  { name: 'to an endpoint of a Service directly', frontends: [dns], flow: aFlow(ONE, ONE), expected: false },
  { name: 'of TCP', frontends: [dns], flow: aFlow('10.96.0.5:53', GONE, { protocol: 6 }), expected: false },
  { name: 'of SCTP to a frontend of UDP alone, translated', frontends: [dns], flow: aFlow('10.96.0.5:53', ONE, { protocol: 132 }), expected: true },
  { name: 'of SCTP to its endpoint', frontends: [{ ...dns, protocol: 'SCTP' }], flow: aFlow('10.96.0.5:53', ONE, { protocol: 132 }), expected: false },
  { name: 'in a zone of somebody else', frontends: [dns], flow: aFlow('10.96.0.5:53', GONE, { zone: 3 }), expected: false },
]; // prettier-ignore

for (const { name, frontends, flow, expected } of ROWS) {
  test(`isStale() is ${expected} for a flow ${name}`, () => {
    assert.equal(isStale(flow, aViewOf(frontends)), expected);
  });
}

const PLACES = ['10.96.0.5:53', '10.96.0.6:53', '10.89.0.10:30053', '10.89.0.10:53', '192.0.2.1:53'];
const TARGETS = [ONE, TWO, GONE, '10.89.0.11:53', '10.244.1.1:53'];

/** Where frontends are and what endpoints they have; a place that is not there has none. */
const arbitraryState = fc.dictionary(fc.constantFrom(...PLACES), fc.uniqueArray(fc.constantFrom(...TARGETS)));

type Step =
  | { readonly kind: 'send'; readonly client: number; readonly to: string }
  | { readonly kind: 'change'; readonly state: Readonly<Record<string, readonly string[]>> };

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), client: fc.nat(3), to: fc.constantFrom(...PLACES, ...TARGETS) }),
  fc.record({ kind: fc.constant('change' as const), state: arbitraryState }),
); // prettier-ignore

/** A node that translates as the kernel does: the first packet of a flow decides, and the table remembers. */
class Node {
  readonly flows = new Map<string, TrackedFlow>();
  state: Readonly<Record<string, readonly string[]>> = {};

  get view(): FlowView {
    const frontends = Object.entries(this.state).map(([at, endpoints]) => {
      const [ip, port] = endOf(at);
      return aFrontend(endpoints, { ip, port: parsePort(port), protocol: 'UDP' });
    });
    return aViewOf(frontends);
  }

  send(client: number, to: string): string {
    const key = `${client} ${to}`;
    const endpoints = this.state[to] ?? [];
    const at = endpoints[client % Math.max(1, endpoints.length)] ?? to;
    const flow = this.flows.get(key) ?? aFlow(to, at);
    this.flows.set(key, flow);
    return `${flow.reply.source}:${flow.reply.sourcePort}`;
  }

  sweep(): void {
    const { view } = this;
    for (const [key, flow] of this.flows) if (isStale(flow, view)) this.flows.delete(key);
  }
}

test('after any history and a sweep every client reaches an endpoint of what it sends to, and flows that are right stay', () => {
  fc.assert(
    fc.property(fc.array(arbitraryStep, { maxLength: 40 }), (steps) => {
      const node = new Node();
      for (const step of steps) {
        if (step.kind === 'change') node.state = step.state;
        else node.send(step.client, step.to);
      }
      const before = new Map(node.flows);
      node.sweep();
      for (const [key, flow] of before) {
        const [client = '', to = ''] = key.split(' ');
        const wanted = node.state[to] ?? [];
        const at = `${flow.reply.source}:${flow.reply.sourcePort}`;
        if (wanted.includes(at) || TARGETS.includes(to)) assert.ok(node.flows.has(key), `${key} at ${at} was right`);
        const reached = node.send(Number(client), to);
        assert.ok(wanted.length === 0 ? reached === to : wanted.includes(reached), `${key} reaches ${reached}`);
      }
    }),
  ); // prettier-ignore
});
