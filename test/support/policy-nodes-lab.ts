// Two nodes under policies: their pods' packets are marked by the programs at their links and carried by the tunnel.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { parse } from 'yaml';
import { setPolicyMode } from '../../src/backends/shared-bpf/policy-mode.ts';
import { renderStandings, standingTarget } from '../../src/backends/shared-node/pod-standing.ts';
import type { PolicyView } from '../../src/backends/shared-node/policy-backend.ts';
import { parseCidr } from '../../src/base/cidr.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { POLICY_MODES } from '../../src/base/policy-numbers.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { PolicyObjects } from '../../src/compile/policy/policy-objects.ts';
import { identityKey, identityLabels, type Identity } from '../../src/objects/identity.ts';
import { parseNamespace } from '../../src/objects/namespace.ts';
import { parseNetworkPolicy } from '../../src/objects/network-policy.ts';
import { parseNode } from '../../src/objects/node.ts';
import { parsePod } from '../../src/objects/pod.ts';
import { openConntrack, type Conntrack } from '../../src/sys/conntrack.ts';
import { startPeerIn, type WorldPeer } from '../contract/service-world.ts';
import type { PolicyKeeper } from './policy-keeper.ts';
import { quietMs } from './time-scale.ts';
import { CLIENT, ip, NODE_IPS, startTwoNodes, type TwoNodes } from './two-nodes-lab.ts';

const SIGNAL = new AbortController().signal;
const CLUSTER = { podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')], dnsIps: [] };
const PODS = { a: 'n1', b: 'n2', c: 'n2', d: 'n1' } as const;
type PodName = keyof typeof PODS;
const NODES = ['n1', 'n2'] as const;
type NodeName = (typeof NODES)[number];

/** What a node's kernel is kept by. */
export type OpenKeeper = (node: {
  readonly netns: string;
  readonly conntrack: Conntrack;
  readonly lifetime: Lifetime;
}) => PolicyKeeper;

interface KeptNode {
  readonly netns: string;
  readonly conntrack: Conntrack;
  readonly keeper: PolicyKeeper;
}

/** All ways in which `speaks` tries. */
export const ALL_WAYS = ['TCP4', 'UDP4', 'TCP6', 'UDP6'];

/** Pods a and d on the node n1, b and c on n2, all in one namespace, and a client outside. */
export class PolicyNodesLab {
  readonly #prefix: string;
  readonly #two: TwoNodes;
  readonly #peers: ReadonlyMap<string, WorldPeer>;
  readonly #nodes: ReadonlyMap<string, KeptNode>;

  private constructor(of: {
    readonly prefix: string;
    readonly two: TwoNodes;
    readonly peers: ReadonlyMap<string, WorldPeer>;
    readonly nodes: ReadonlyMap<string, KeptNode>;
  }) {
    this.#prefix = of.prefix;
    this.#two = of.two;
    this.#peers = of.peers;
    this.#nodes = of.nodes;
  }

  static async start(prefix: string, open: OpenKeeper, lifetime: Lifetime): Promise<PolicyNodesLab> {
    const two = await startTwoNodes(prefix, lifetime, ['d']);
    const peers = new Map<string, WorldPeer>([['outside', two.client]]);
    for (const name of [...Object.keys(PODS), ...NODES])
      peers.set(name, startPeerIn(`${prefix}-${name}`, undefined, lifetime));
    const nodes = new Map<string, KeptNode>();
    for (const name of NODES) {
      const netns = `/run/netns/${prefix}-${name}`;
      const conntrack = lifetime.own(`flows of ${name}`, openConntrack(netns), (it) => it.close());
      nodes.set(name, { netns, conntrack, keeper: open({ netns, conntrack, lifetime }) });
      setPolicyMode(two.nodeNamed(name).agent.bpf.maps, POLICY_MODES.marks);
    }
    const prefixes = ['10.244.1.0/24 via 10.89.1.11', 'fd00:10:244:1::/64 via fd00:10:89:1::11'];
    ip(two.outside, `route add ${prefixes[0]}`, `-6 route add ${prefixes[1]}`);
    return new PolicyNodesLab({ prefix, two, peers, nodes });
  }

  node(name: NodeName): KeptNode {
    const found = this.#nodes.get(name);
    assert.ok(found, name);
    return found;
  }

  ipOf(name: string, family: 4 | 6): string {
    if (name === 'outside') return CLIENT[family];
    if (name === 'n1') return NODE_IPS[family];
    return this.#two.podIps.get(name as PodName)?.[family] ?? '';
  }

  /** Policies by name as YAML of their specifications, of the namespace of all pods. */
  #objectsOf(policies: string): PolicyObjects {
    const specs = Object.entries((parse(policies) ?? {}) as Record<string, unknown>);
    const raw = Object.entries(PODS).map(([name, nodeName]) => ({
      metadata: { namespace: 'shop', name, uid: name, labels: { app: name } },
      spec: { nodeName, containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
      status: {
        phase: 'Running',
        podIPs: ([4, 6] as const).map((family) => ({ ip: this.ipOf(name, family) })),
      },
    }));
    const pods = raw.map((it) => parsePod(it));
    const identities = pods.map(({ namespace, labels }, at): Identity => {
      const of = { namespace, labels: identityLabels(labels, new Set()) };
      return { namespace: '', name: String(300 + at), uid: '', labels: new Map(), number: 300 + at, of };
    });
    assert.equal(new Set(identities.map(({ of }) => identityKey(of))).size, pods.length);
    const node = (name: string, at: number): unknown => ({
      metadata: { name },
      status: {
        addresses: [`10.89.1.1${at}`, `fd00:10:89:1::1${at}`].map((address) => ({
          type: 'InternalIP',
          address,
        })),
      },
    });
    return {
      nodes: new Map(['n1', 'n2'].map((name, i) => [name, parseNode(node(name, i + 1))])),
      namespaces: new Map([['shop', parseNamespace({ metadata: { name: 'shop' } })]]),
      pods: new Map(pods.map((it) => [`shop/${it.name}`, it])),
      networkPolicies: new Map(
        specs.map(([name, spec]) => [
          `shop/${name}`,
          parseNetworkPolicy({ metadata: { namespace: 'shop', name }, spec }),
        ]),
      ),
      clusterNetworkPolicies: new Map(),
      identities: new Map(identities.map((it) => [it.name, it])),
      services: new Map(),
      learned: new Map(),
    };
  }

  /** What a node is told of policies, written as for `program`. */
  viewOf(nodeName: NodeName, policies: string): PolicyView {
    const { bpf } = this.#two.nodeNamed(nodeName).agent;
    const links = bpf.podInterfaces.list().map(({ ifindex, ips }) => ({ ifindex, ips, pod: undefined }));
    return {
      ...new PolicyCompiler({ nodeName, cluster: CLUSTER }).compile(this.#objectsOf(policies)),
      links,
    };
  }

  /** Brings both nodes to what the policies say; how many entries of their kernels that took. */
  async program(policies: string, change: (view: PolicyView) => PolicyView = (it) => it): Promise<number> {
    let changes = 0;
    for (const name of NODES) {
      const view = change(this.viewOf(name, policies));
      const { maps } = this.#two.nodeNamed(name).agent.bpf;
      await standingTarget(maps).update(renderStandings(view), SIGNAL, new Map());
      changes += await this.node(name).keeper.keep(view);
    }
    return changes;
  }

  /** Asks somebody for what the peers of the contract of Services can do. */
  ask(name: string, question: Parameters<WorldPeer['ask']>[0]): ReturnType<WorldPeer['ask']> {
    const peer = this.#peers.get(name);
    assert.ok(peer, name);
    return peer.ask(question);
  }

  /** Whether a new connection passes, by either transport and family. */
  async speaks(from: string, to: string, port = 8080): Promise<readonly string[]> {
    const passed: string[] = [];
    for (const family of [4, 6] as const) {
      const at = { ip: this.ipOf(to, family), port, waitMs: quietMs(250) };
      const stream = await this.ask(from, { kind: 'connect', ...at });
      if (stream.error === undefined) passed.push(`TCP${family}`);
      const datagram = await this.ask(from, { kind: 'send', count: 1, isConnected: false, ...at });
      if (datagram.error === undefined && datagram.said.length === 1) passed.push(`UDP${family}`);
    }
    return passed;
  }

  /** "a > b": what passes. */
  async expect(asked: Readonly<Record<string, readonly string[]>>): Promise<void> {
    for (const [text, expected] of Object.entries(asked)) {
      const [from = '', to = ''] = text.split(' > ');
      assert.deepEqual(await this.speaks(from, to), expected, text);
    }
  }

  ping(from: string, to: string): boolean {
    try {
      const echo = ['ping', '-c1', '-W1', this.ipOf(to, 4)];
      execFileSync('ip', ['netns', 'exec', `${this.#prefix}-${from}`, ...echo], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }
}
