// The words of the policy tables: one small world, policies as YAML, connections and what decides about them as text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parseIp, tryParseIp } from '../../src/base/ip.ts';
import { parseProtocol } from '../../src/base/port.ts';
import { judge, type PolicyConnection, type PolicyRef, type PolicySide } from '../../src/oracle/policy.ts';
import type { PolicyEnd } from '../../src/oracle/policy-end.ts';
import type { RawPod } from '../../src/oracle/raw-objects.ts';
import type {
  RawClusterNetworkPolicy,
  RawNetworkPolicy,
  RawPolicyObjects,
} from '../../src/oracle/raw-policies.ts';

const HTTP = { ports: [{ name: 'http', containerPort: 80 }] };
const DNS = {
  ports: [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 53 },
  ],
};
const PROXY = { restartPolicy: 'Always', ports: [{ name: 'proxy', containerPort: 15_000 }] };
const SETUP = { ports: [{ name: 'setup', containerPort: 16_000 }] };

export const POLICY_WORLD: RawPolicyObjects = {
  namespaces: [
    { metadata: { name: 'a', labels: { team: 'red', env: 'prod' } } },
    { metadata: { name: 'b', labels: { team: 'blue' } } },
    { metadata: { name: 'c' } },
  ],
  nodes: [
    aNode('n1', ['192.0.2.1', 'fd00::1'], { zone: 'east' }),
    aNode('n2', ['192.0.2.2', 'fd00::2'], { zone: 'west' }),
  ],
  pods: [
    aPod('a/web', ['10.0.1.1', 'fd01::1'], {
      labels: { app: 'web', tier: 'front' },
      containers: [HTTP, DNS],
    }),
    aPod('a/db', ['10.0.1.2', 'fd01::2'], {
      labels: { app: 'db' },
      containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }],
      initContainers: [PROXY, SETUP],
    }),
    aPod('a/host', ['192.0.2.1'], { labels: { app: 'web' }, hostNetwork: true }),
    aPod('b/web', ['10.0.2.1', 'fd02::1'], { labels: { app: 'web' }, node: 'n2', containers: [HTTP] }),
    aPod('b/mute', ['10.0.2.2', 'fd02::2'], { node: 'n2' }),
    aPod('b/six', ['fd02::6'], { labels: { app: 'web' }, node: 'n2' }),
    aPod('c/web', ['10.0.3.1', 'fd03::1'], { labels: { app: 'web', tier: 'back' }, node: 'n2' }),
    aPod('a/done', ['10.0.1.9'], { labels: { app: 'web' }, node: 'n2', phase: 'Succeeded' }),
    aPod('a/broken', ['10.0.1.9'], { labels: { app: 'web' }, node: 'n2', phase: 'Failed' }),
    aPod('a/far-host', ['192.0.2.2'], { labels: { app: 'web' }, node: 'n2', hostNetwork: true }),
    aPod('a/waiting', [], { labels: { app: 'web' } }),
  ],
  networkPolicies: [],
  learnedNames: new Map([
    ['example.org', [parseIp('203.0.113.1'), parseIp('fd99::1')]],
    ['www.example.org', [parseIp('203.0.113.2')]],
    ['a.b.example.org', [parseIp('203.0.113.3')]],
    ['notexample.org', [parseIp('203.0.113.4')]],
  ]),
};

export interface PolicyRow {
  readonly name: string;
  /** YAML: "namespace/name: spec" is a NetworkPolicy, "name: spec" a ClusterNetworkPolicy. */
  readonly given: string;
  /** "from > to:port/protocol" (TCP; IPv4 unless an end is an IPv6 address or "v6" stands at the end): the sides of egress and ingress. */
  readonly asked: Readonly<Record<string, string>>;
}

// Sides: open (not isolated), ns/name[i] or name[i] (allowed), !name[i] (denied), !ns/name,ns/name (isolated), -why (not judged).

/** A policy for all ingress of a/web with one rule. */
export function toWeb(rule: string): string {
  return `a/p: { podSelector: { matchLabels: { app: web } }, ingress: [ ${rule} ] }`;
}

/** A policy for all egress of a/web with one rule. */
export function fromWeb(rule: string): string {
  return `a/p: { podSelector: { matchLabels: { app: web } }, policyTypes: [Egress], egress: [ ${rule} ] }`;
}

/** The sides of a connection to a/web, from a pod that no policy selects: policy a/p lets it in, or does not. */
export const [YES, NO] = ['open a/p[0]', 'open !a/p'] as const;
/** The same of a connection from a/web. */
export const [OUT, CUT] = ['a/p[0] open', '!a/p open'] as const;

/** A test per row: what `judge` says of its connections. */
export function testRows(group: string, rows: readonly PolicyRow[]): void {
  for (const { name, given, asked } of rows)
    test(`judge() ${group}: ${name}`, () => {
      const objects = withPolicies(given);
      const answers = Object.keys(asked).map((text) => {
        const { isAllowed, egress, ingress } = judge(objects, aConnection(text));
        const sides = `${textOf(egress)} ${textOf(ingress)}`;
        assert.equal(isAllowed, !sides.includes('!'), text);
        return [text, sides];
      });
      assert.deepEqual(Object.fromEntries(answers), asked);
    });
}

export function withPolicies(given: string): RawPolicyObjects {
  const specs = Object.entries((parse(given) ?? {}) as Record<string, never>);
  return {
    ...POLICY_WORLD,
    networkPolicies: specs
      .filter(([key]) => key.includes('/'))
      .map(([key, spec]): RawNetworkPolicy => ({ metadata: metadataOf(key), spec })),
    clusterNetworkPolicies: specs
      .filter(([key]) => !key.includes('/'))
      .map(([name, spec]): RawClusterNetworkPolicy => ({ metadata: { name }, spec })),
  };
}

function metadataOf(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

export function aConnection(text: string): PolicyConnection {
  const match = /^(\S+) > (\S+):(\d+)(?:\/(\w+))?( v6)?$/.exec(text);
  assert.ok(match, text);
  const [, from = '', to = '', port, protocol = 'TCP', isSix] = match;
  const hasSix = [from, to].some((it) => it.includes(':')) || isSix !== undefined;
  return {
    from: anEnd(from),
    to: anEnd(to),
    family: hasSix ? 6 : 4,
    protocol: parseProtocol(protocol),
    port: Number(port),
  };
}

function anEnd(text: string): PolicyEnd {
  const ip = tryParseIp(text);
  if (ip !== undefined) return { kind: 'outside', ip };
  return text.includes('/') ? { kind: 'pod', ...metadataOf(text) } : { kind: 'node', name: text };
}

function textOf(side: PolicySide): string {
  switch (side.kind) {
    case 'not-judged':
      return `-${side.why}`;
    case 'not-isolated':
      return 'open';
    case 'allowed':
      return `${nameOf(side.rule)}[${side.rule.index}]`;
    case 'denied':
      return `!${nameOf(side.rule)}[${side.rule.index}]`;
    case 'isolated':
      return `!${side.policies.map(nameOf).join(',')}`;
    default:
      return side satisfies never;
  }
}

function nameOf({ namespace, name }: PolicyRef): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly node?: string;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
  readonly containers?: NonNullable<RawPod['spec']['containers']>;
  readonly initContainers?: NonNullable<RawPod['spec']['initContainers']>;
}

function aPod(key: string, ips: readonly string[], options: PodOptions): RawPod {
  const { labels, node = 'n1', phase = 'Running', ...spec } = options;
  return {
    metadata: { ...metadataOf(key), ...(labels === undefined ? {} : { labels }) },
    spec: { nodeName: node, ...spec },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  };
}

function aNode(
  name: string,
  ips: readonly string[],
  labels: Readonly<Record<string, string>>,
): RawPolicyObjects['nodes'][number] {
  const internal = ips.map((address) => ({ type: 'InternalIP', address }));
  const external = { type: 'ExternalIP', address: `198.18.0.${name.slice(1)}` };
  return {
    metadata: { name, labels },
    status: { addresses: [{ type: 'Hostname', address: name }, ...internal, external] },
  };
}
