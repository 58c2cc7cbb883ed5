import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp, tryParseIp } from '../../base/ip.ts';
import { parsePort, parseProtocol } from '../../base/port.ts';
import {
  aClusterPolicy,
  aDeployment,
  aNetworkPolicy,
  placedOf,
  POD_CIDRS,
} from '../../../test/support/policy-world-of.ts';
import type { RawNetworkPolicyRule } from '../../oracle/raw-policies.ts';
import type { RecordedConnection } from './connection-record.ts';
import { recommendPolicies, type Recommendation, type RecommendSettings } from './recommend.ts';
import { recommendationForm, recommendationYaml } from './recommendation-text.ts';
import { objectOfPolicy } from './recommended-policy.ts';

const SETTINGS: RecommendSettings = {
  podCidrs: POD_CIDRS,
  namespaces: [],
  outsidePrefix: {},
};

const WORKLOADS =
  aDeployment('shop/web', '{ app: web }', '{ name: http, containerPort: 80 }') +
  aDeployment('shop/api', '{ app: api }') +
  aDeployment('data/db', '{ app: db }') +
  aDeployment('kube-system/coredns', '{ k8s-app: kube-dns }') +
  '---\napiVersion: v1\nkind: Node\nmetadata: { name: n1 }\nstatus: { addresses: [ { type: InternalIP, address: 192.0.2.1 } ] }\n';

/** "shop/web > shop/api:80", a number of connections behind it, "UDP", "unanswered". */
function aConnection(text: string): RecordedConnection {
  const [from = '', , destination = '', ...words] = text.split(' ');
  const at = destination.lastIndexOf(':');
  const to = destination.slice(0, at);
  const ip = [from, to].map((it) => tryParseIp(it)).find((it) => it !== undefined);
  return {
    from,
    to,
    family: ip?.includes(':') === true ? 6 : 4,
    protocol: parseProtocol(words.find((it) => /^[A-Z]+$/.test(it)) ?? 'TCP'),
    port: parsePort(Number(destination.slice(at + 1))),
    connections: Number(words.find((it) => /^\d+$/.test(it)) ?? 1),
    isAnswered: !words.includes('unanswered'),
  };
}

function recommend(
  connections: readonly string[],
  { more = '', ...settings }: Partial<RecommendSettings> & { readonly more?: string } = {},
): Recommendation {
  const record = {
    startedAt: '2026-01-31T12:00:00.000Z',
    seconds: 60,
    leftOut: 0,
    names: new Map([['192.0.2.1', 'node n1']]),
    learned: new Map([['www.example.org', [parseIp('203.0.113.7')]]]),
    connections: connections.map(aConnection),
  };
  return recommendPolicies(placedOf(WORKLOADS + more), record, { ...SETTINGS, ...settings });
}

/** "shop/web in shop/Deployment/api:TCP 80": what the policies open, a line for each rule; nothing of those that close namespaces. */
function opened({ policies }: Recommendation): readonly string[] {
  return policies
    .filter((it) => it.subject !== undefined)
    .flatMap((it) => {
      const { metadata, spec } = objectOfPolicy(it);
      const rulesOf = (word: string, rules: readonly RawNetworkPolicyRule[] = []): readonly string[] =>
        rules.map(({ from, to, ports }) => {
          const peers = (from ?? to ?? []).map(({ podSelector, namespaceSelector, ipBlock }) =>
            [
              ipBlock?.cidr,
              namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'],
              podSelector && JSON.stringify(podSelector.matchLabels),
            ]
              .filter((part) => part !== undefined)
              .join(' '),
          );
          const at = (ports ?? []).map(({ protocol, port }) => `${protocol} ${port}`);
          return `${metadata.namespace}/${metadata.name} ${word} ${peers.join(', ')}: ${at.join(', ')}`;
        });
      return [...rulesOf('from', spec?.ingress ?? []), ...rulesOf('to', spec?.egress ?? [])];
    });
}

for (const row of [
  {
    name: 'pods of the same namespace by labels, at both ends',
    seen: ['shop/web > shop/api:8080'],
    expected: ['shop/api from {"app":"web"}: TCP 8080', 'shop/web to {"app":"api"}: TCP 8080'],
  },
  {
    name: 'pods of another namespace by its name, too',
    seen: ['shop/api > data/db:5432'],
    expected: ['data/db from shop {"app":"api"}: TCP 5432', 'shop/api to data {"app":"db"}: TCP 5432'],
  },
  {
    name: 'other pods of the same workload',
    seen: ['data/db > data/db:5432'],
    expected: ['data/db from {"app":"db"}: TCP 5432', 'data/db to {"app":"db"}: TCP 5432'],
  },
  {
    name: 'addresses outside one by one, and nodes',
    seen: ['203.0.113.7 > shop/web:80', '192.0.2.1 > shop/web:80', 'shop/web > 2001:db8::7:443'],
    expected: ['shop/web from 192.0.2.1/32, 203.0.113.7/32: TCP 80', 'shop/web to 2001:db8::7/128: TCP 443'],
  },
  {
    name: 'peers at the same ports by one rule, others by another',
    seen: ['shop/web > data/db:1', 'shop/api > data/db:1', 'shop/api > data/db:2', '203.0.113.7 > data/db:1'],
    expected: [
      'data/db from 203.0.113.7/32, shop {"app":"web"}: TCP 1',
      'data/db from shop {"app":"api"}: TCP 1, TCP 2',
      'shop/api to data {"app":"db"}: TCP 1, TCP 2',
      'shop/web to data {"app":"db"}: TCP 1',
    ],
  },
  {
    name: 'nothing for names, which every pod may ask for',
    seen: ['shop/web > kube-system/coredns:53 UDP', 'shop/web > kube-system/service/kube-dns:53 UDP'],
    expected: [],
  },
  {
    name: 'the DNS server at its other ports',
    seen: ['shop/web > kube-system/coredns:9153'],
    expected: ['shop/web to kube-system {"k8s-app":"kube-dns"}: TCP 9153'],
  },
  {
    name: 'kube-system only where it is named',
    seen: ['kube-system/coredns > 203.0.113.7:53 UDP', 'shop/web > kube-system/service/kube-dns:53 UDP'],
    settings: { namespaces: ['kube-system'] },
    expected: [
      'kube-system/coredns from shop {"app":"web"}: UDP 53',
      'kube-system/coredns to 203.0.113.7/32: UDP 53',
    ],
  },
  {
    name: 'the named namespaces alone',
    seen: ['shop/api > data/db:5432'],
    settings: { namespaces: ['data'] },
    expected: ['data/db from shop {"app":"api"}: TCP 5432'],
  },
  {
    name: 'prefixes of addresses outside where they are asked for, never around what is of the cluster',
    seen: [
      '203.0.113.7 > shop/web:80',
      '203.0.113.9 > shop/web:80',
      '192.0.2.1 > shop/web:80',
      '192.0.2.9 > shop/web:80',
    ],
    settings: { outsidePrefix: { 4: 24 } },
    expected: ['shop/web from 192.0.2.1/32, 192.0.2.9/32, 203.0.113.0/24: TCP 80'],
  },
  {
    name: 'one policy for workloads that labels do not tell apart',
    seen: ['shop/web > shop/api:1', 'shop/canary > shop/api:2'],
    settings: { more: aDeployment('shop/canary', '{ app: web }') },
    expected: ['shop/api from {"app":"web"}: TCP 1, TCP 2', 'shop/canary to {"app":"api"}: TCP 1, TCP 2'],
  },
  {
    name: 'names with the kind where two workloads have the same',
    seen: ['shop/Deployment/api > 203.0.113.7:1'],
    settings: { more: aDeployment('shop/api', '{ app: x }').replace('Deployment', 'DaemonSet') },
    expected: ['shop/api-deployment to 203.0.113.7/32: TCP 1'],
  },
  {
    name: 'other names than those of policies of somebody else',
    seen: ['shop/web > 203.0.113.7:1'],
    settings: { more: aNetworkPolicy('shop/web', '{ podSelector: { matchLabels: { app: none } } }') },
    expected: ['shop/web-recommended to 203.0.113.7/32: TCP 1'],
  },
  {
    name: 'nothing that a cluster policy accepts before NetworkPolicies are asked, by name here',
    seen: ['shop/web > 203.0.113.7:443', 'shop/web > 203.0.113.8:443'],
    settings: {
      more: aClusterPolicy(
        'names',
        '{ tier: Admin, priority: 1, subject: { namespaces: {} }, egress: [ { action: Accept, to: [ { domainNames: ["*.example.org"] } ] } ] }',
      ),
    },
    expected: ['shop/web to 203.0.113.8/32: TCP 443'],
  },
  {
    name: 'what other policies allow already, too',
    seen: ['shop/web > shop/api:8080'],
    settings: { more: aNetworkPolicy('shop/open', '{ podSelector: {}, ingress: [ {} ] }') },
    expected: ['shop/api from {"app":"web"}: TCP 8080', 'shop/web to {"app":"api"}: TCP 8080'],
  },
])
  test(`recommendPolicies() opens ${row.name}`, () => {
    const found = recommend(row.seen, row.settings);
    assert.deepEqual(opened(found), row.expected);
    assert.deepEqual(found.leftOut, []);
  });

for (const row of [
  {
    name: 'what policies of now deny',
    seen: 'shop/web > shop/api:8080',
    more: aNetworkPolicy('shop/closed', '{ podSelector: { matchLabels: { app: api } } }'),
    why: /ingress isolated by NetworkPolicy shop\/closed/,
  },
  {
    name: 'what a cluster policy denies',
    seen: 'shop/web > shop/api:8080',
    more: aClusterPolicy(
      'wall',
      '{ tier: Admin, priority: 1, subject: { namespaces: {} }, ingress: [ { action: Deny, from: [ { namespaces: {} } ] } ] }',
    ),
    why: /ClusterNetworkPolicy wall ingress\[0\]/,
  },
  {
    name: 'an end that is gone',
    seen: 'shop/gone > shop/api:8080',
    more: '',
    why: /Cannot find "shop\/gone"/,
  },
])
  test(`recommendPolicies() leaves out ${row.name}, and says why`, () => {
    const { policies, leftOut } = recommend([row.seen], { more: row.more });
    assert.deepEqual(policies, []);
    assert.equal(leftOut.length, 1);
    assert.match(leftOut[0]?.why ?? '', row.why);
  });

test('recommendPolicies() tells what labels open besides, of whom nothing was seen, and what stays', () => {
  const found = recommend(['shop/web > shop/api:8080'], {
    more:
      aDeployment('shop/other', '{ app: web }') +
      aDeployment('shop/mute', '{ app: mute }') +
      aNetworkPolicy('shop/mine', '{ podSelector: { matchLabels: { app: none } } }'),
  });
  assert.deepEqual(found.unseen, [
    { from: 'shop/Deployment/other', to: 'shop/Deployment/api', ports: 'TCP 8080' },
  ]);
  assert.deepEqual(found.silent, ['shop/Deployment/other', 'shop/Deployment/mute']);
  assert.deepEqual(found.kept, ['shop/mine']);
});

test('recommendPolicies() takes the place of what it recommended before', () => {
  const first = recommend(['shop/web > shop/api:8080']);
  const before = JSON.stringify(recommendationForm(first));
  const { items } = JSON.parse(before) as { readonly items: readonly unknown[] };
  const more = items.map((it) => `---\n${JSON.stringify(it)}\n`).join('');
  assert.deepEqual(opened(recommend(['shop/web > shop/api:8080'], { more })), opened(first));
});

test('recommendPolicies() refuses a namespace without workloads, and pods that nothing can choose', () => {
  assert.throws(
    () => recommend([], { namespaces: ['nowhere'] }),
    /namespace nowhere: there is no workload in it/,
  );
  assert.throws(
    () => recommend(['shop/bare > shop/api:1'], { more: aDeployment('shop/bare', '{}') }),
    /pods of shop\/Deployment\/bare: they have no labels/,
  );
});

test('recommendationYaml() says what each rule stands for', () => {
  const text = recommendationYaml(
    recommend(['shop/web > 192.0.2.1:514 UDP unanswered 3', '203.0.113.7 > shop/web:80'], {
      namespaces: ['shop'],
    }),
  );
  assert.match(
    text,
    /^# Recommended from 4 connections, recorded from 2026-01-31T12:00:00\.000Z on for 60 s\.\n/,
  );
  assert.match(
    text,
    /\n# Nothing was seen of these, so they may ask for names alone:\n# {3}shop\/Deployment\/api\n/,
  );
  assert.match(text, /\n# shop\/Deployment\/web\napiVersion: /);
  assert.match(text, /from:\n +# 1 connection: 203\.0\.113\.7\n +- ipBlock:\n +cidr: 203\.0\.113\.7\/32\n/);
  assert.match(text, /port: 80 # http\n/);
  assert.match(text, /# 3 connections: 192\.0\.2\.1 \(node n1\) \(never answered\)\n/);
});
