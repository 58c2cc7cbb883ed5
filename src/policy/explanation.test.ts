import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aClusterPolicy,
  aDeployment,
  aNamespace,
  aNetworkPolicy,
  policyWorldOf,
} from '../../test/support/policy-world-of.ts';
import { explain } from './explanation.ts';
import { explanationText } from './explanation-text.ts';
import { oracleJudge } from './policy-judge.ts';
import { readQuestions, splitDestination } from './question.ts';

const SHOP = [
  aNamespace('shop', '{ team: red }'),
  aNamespace('data'),
  aDeployment('shop/web', '{ app: web, tier: front }', '{ name: http, containerPort: 80 }'),
  aDeployment('shop/api', '{ app: api }', '{ name: http, containerPort: 8080 }'),
  aDeployment('data/db', '{ app: db }', '{ containerPort: 5432 }'),
  '---\napiVersion: v1\nkind: Pod\nmetadata: { name: lone, namespace: shop }\nspec: { nodeName: n1, containers: [] }\n',
  '---\napiVersion: v1\nkind: Pod\nmetadata: { name: host, namespace: shop }\nspec: { nodeName: n1, hostNetwork: true, containers: [] }\n',
  '---\napiVersion: v1\nkind: Node\nmetadata: { name: n1 }\nstatus: { addresses: [ { type: InternalIP, address: 192.0.2.1 } ] }\n',
].join('');

/** Egress and ingress lines of the text, without those that say what an end is. */
function linesOf(policies: string, question: string): readonly string[] {
  const world = policyWorldOf(`${SHOP}${policies}`);
  const [from = '', to = ''] = question.split(' > ');
  const [asked] = readQuestions(world, { from, ...splitDestination(to) }, { namespace: 'shop', family: 4 });
  assert.ok(asked);
  const text = explanationText(explain(world, oracleJudge(world), asked));
  return text
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim());
}

const OPEN = 'allowed: no policy says anything about it';

/** One rule of ingress to shop/api in a policy shop/p: what the nearest miss says from `from`. */
function missOf(rule: string, question = 'web > api:8080'): string | undefined {
  const spec = `{ podSelector: { matchLabels: { app: api } }, ingress: [ ${rule} ] }`;
  return linesOf(aNetworkPolicy('shop/p', spec), question)
    .find((line) => line.startsWith('nearest: '))
    ?.replace(/^nearest: NetworkPolicy shop\/p ingress\[0\] would match if /, '')
    .replace(/ {2}\(a\.yaml:\d+\)$/, '');
}

for (const row of [
  { name: 'no policy', policies: '', asked: 'web > api:8080', expected: [OPEN, OPEN] },
  {
    name: 'a rule that allows, and its line',
    policies: aNetworkPolicy(
      'shop/p',
      '\n  podSelector: {}\n  ingress:\n    - ports: [ { port: 1 } ]\n    - {}',
    ),
    asked: 'web > api:8080',
    expected: [OPEN, 'allowed by NetworkPolicy shop/p ingress[1]  (a.yaml:47)'],
  },
  {
    name: 'all that isolates, where there is no rule at all',
    policies:
      aNetworkPolicy('shop/p', '{ podSelector: {} }') + aNetworkPolicy('shop/q', '{ podSelector: {} }'),
    asked: 'web > api:8080',
    expected: [
      OPEN,
      'isolated by NetworkPolicy shop/p  (a.yaml:42)',
      'isolated by NetworkPolicy shop/q  (a.yaml:47)',
      'denied: these have no ingress rules, so nothing may pass',
    ],
  },
  {
    name: 'a denial of egress, with the nearest rule first',
    policies: aNetworkPolicy(
      'shop/p',
      '{ podSelector: {}, policyTypes: [Egress], egress: [ { to: [ { podSelector: { matchLabels: { a: b, c: d } } } ] }, { ports: [ { port: 53, protocol: UDP } ] } ] }',
    ),
    asked: 'web > data/db:5432',
    expected: [
      'isolated by NetworkPolicy shop/p  (a.yaml:42)',
      'denied: no rule of these matches',
      'nearest: NetworkPolicy shop/p egress[1] would match if the port were UDP 53  (a.yaml:43)',
      OPEN,
    ],
  },
  {
    name: 'a rule of a ClusterNetworkPolicy',
    policies: aClusterPolicy(
      'wall',
      '{ tier: Admin, priority: 1, subject: { namespaces: {} }, ingress: [ { action: Deny, from: [ { namespaces: {} } ] } ] }',
    ),
    asked: 'web > data/db:5432',
    expected: [OPEN, 'denied by ClusterNetworkPolicy wall ingress[0]  (a.yaml:43)'],
  },
  {
    name: 'ends that are not judged',
    policies: aNetworkPolicy('shop/p', '{ podSelector: {}, policyTypes: [Ingress, Egress] }'),
    asked: 'host > 203.0.113.7:80',
    expected: [
      'not judged: policies apply to pods, and this is a node (a pod with hostNetwork is its node)',
      'not judged: policies apply to pods, and this is an address outside of the cluster',
    ],
  },
  {
    name: 'a pod and its own node',
    policies: aNetworkPolicy('shop/p', '{ podSelector: {}, policyTypes: [Ingress, Egress] }'),
    asked: 'node/n1 > lone:80',
    expected: [
      'not judged: policies apply to pods, and this is a node (a pod with hostNetwork is its node)',
      'allowed: between a pod and its own node everything is',
    ],
  },
  {
    name: 'a pod and itself',
    policies: aNetworkPolicy('shop/p', '{ podSelector: {}, policyTypes: [Ingress, Egress] }'),
    asked: 'lone > lone:80',
    expected: Array<string>(2).fill('allowed: a pod may always speak to itself'),
  },
  {
    name: 'pods of one workload among each other, which policies do keep apart',
    policies: aNetworkPolicy('shop/p', '{ podSelector: {} }'),
    asked: 'web > web:80',
    expected: [
      OPEN,
      'isolated by NetworkPolicy shop/p  (a.yaml:42)',
      'denied: these have no ingress rules, so nothing may pass',
    ],
  },
])
  test(`explain() names ${row.name}`, () => {
    assert.deepEqual(linesOf(row.policies, row.asked), row.expected);
  });

const WEB = 'pods of shop/Deployment/web had';

for (const row of [
  { rule: '{ from: [ { podSelector: { matchLabels: { tier: api } } } ] }', miss: `${WEB} label tier=api` },
  {
    rule: '{ from: [ { podSelector: { matchExpressions: [ { key: app, operator: In, values: [a, b] }, { key: tier, operator: DoesNotExist } ] } } ] }',
    miss: `${WEB} label app in (a, b), and ${WEB} no label tier`,
  },
  {
    rule: '{ from: [ { podSelector: { matchExpressions: [ { key: app, operator: NotIn, values: [web] }, { key: x, operator: Exists } ] } } ] }',
    miss: `${WEB} no label app=web, and ${WEB} a label x`,
  },
  {
    rule: '{ from: [ { namespaceSelector: { matchLabels: { team: blue } } } ] }',
    miss: 'namespace shop had label team=blue',
  },
  {
    rule: '{ from: [ { ipBlock: { cidr: 203.0.113.0/24 } } ] }',
    miss: 'the address of shop/Deployment/web (10.244.255.254) were in 203.0.113.0/24',
  },
  {
    rule: '{ ports: [ { port: 80 }, { port: 90, endPort: 99, protocol: UDP } ] }',
    miss: 'the port were TCP 80 or UDP 90-99',
  },
  { rule: '{ ports: [ { port: http } ] }', asked: 'web > api:80', miss: 'the port were TCP http (8080)' },
  { rule: '{ ports: [ { port: https } ] }', miss: 'the port were TCP https (a name that the pod has not)' },
  { rule: '{ ports: [ { protocol: SCTP } ] }', miss: 'the port were any of SCTP' },
  {
    rule: '{ from: [ { podSelector: { matchLabels: { a: b, c: d } } }, { podSelector: { matchLabels: { e: f } } } ], ports: [ { port: 1 } ] }',
    miss: `${WEB} label e=f, and the port were TCP 1`,
  },
  {
    rule: '{ from: [ { podSelector: {} } ] }',
    asked: 'data/db > api:8080',
    miss: 'data/Deployment/db were in namespace shop',
  },
  {
    rule: '{ from: [ { podSelector: {} } ] }',
    asked: '203.0.113.7 > api:8080',
    miss: "203.0.113.7 were a pod of the cluster's network",
  },
  {
    rule: '{ from: [ { ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.0/28] } } ] }',
    asked: '203.0.113.7 > api:8080',
    miss: '203.0.113.7 were not in 203.0.113.0/28, which the block excepts',
  },
])
  test(`explain() says what ${row.rule} lacks`, () => {
    assert.equal(missOf(row.rule, row.asked), row.miss);
  });
