import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, aNamespace, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { nameOfParty } from './party.ts';
import { readQuestions, splitDestination } from './question.ts';
import { nameOfWorkload } from './workload.ts';

const WORLD = policyWorldOf(`${aNamespace('shop')}
${aDeployment('shop/web', '{ app: web }', '{ name: http, containerPort: 80 }, { name: dns, containerPort: 53, protocol: UDP }')}
${aDeployment('default/lone', '{ app: web }')}
${aDeployment('shop/twice', '{ app: web }')}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: twice, namespace: shop }
spec: { template: {} }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: report, namespace: shop }
spec: { jobTemplate: { spec: { template: { metadata: { labels: { app: report } } } } } }
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: web-1, namespace: shop, ownerReferences: [ { kind: Deployment, name: web, controller: true } ] }
spec: { template: {} }
---
apiVersion: v1
kind: Pod
metadata: { name: done, namespace: shop }
status: { phase: Succeeded }
---
apiVersion: v1
kind: Pod
metadata: { name: dotted.name.web, namespace: default }
spec: { containers: [] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [ { port: 8000, targetPort: http, name: main }, { port: 9 }, { port: 53, protocol: UDP, targetPort: dns }, { port: 7, targetPort: none } ] }
---
apiVersion: v1
kind: Service
metadata: { name: bare, namespace: shop }
spec: { ports: [ { port: 1 } ] }
---
apiVersion: v1
kind: Service
metadata: { name: empty, namespace: shop }
spec: { selector: { app: nobody }, ports: [ { port: 1 } ] }
---
apiVersion: v1
kind: Node
metadata: { name: n1 }
`);

test('readPolicyWorld() takes what others made, and what has ended, for no workloads', () => {
  assert.deepEqual(WORLD.workloads.map(nameOfWorkload), [
    'shop/Deployment/web',
    'default/Deployment/lone',
    'shop/Deployment/twice',
    'shop/StatefulSet/twice',
    'shop/CronJob/report',
    'default/Pod/dotted.name.web',
  ]);
});

const SETTINGS = { namespace: 'default', family: 4 } as const;

for (const row of [
  { asked: 'shop/web > lone:80', expected: 'shop/Deployment/web > default/Deployment/lone TCP 80 IPv4' },
  {
    asked: 'lone > shop/deploy/web:http',
    expected: 'default/Deployment/lone > shop/Deployment/web TCP 80 IPv4',
  },
  { asked: 'lone > shop/web:dns', expected: 'default/Deployment/lone > shop/Deployment/web UDP 53 IPv4' },
  {
    asked: 'lone > shop/sts/twice:1/udp',
    expected: 'default/Deployment/lone > shop/StatefulSet/twice UDP 1 IPv4',
  },
  { asked: 'shop/cronjobs/report > node/n1:22', expected: 'shop/CronJob/report > node/n1 TCP 22 IPv4' },
  {
    asked: 'shop/web-1 > 203.0.113.7:443/SCTP',
    expected: 'shop/ReplicaSet/web-1 > 203.0.113.7 SCTP 443 IPv4',
  },
  {
    asked: 'lone > shop/service/web:8000',
    expected: 'default/Deployment/lone > shop/Deployment/web TCP 80 IPv4',
  },
  {
    asked: 'lone > shop/svc/web:main',
    expected: 'default/Deployment/lone > shop/Deployment/web TCP 80 IPv4',
  },
  {
    asked: 'lone > shop/svc/web:53/udp',
    expected: 'default/Deployment/lone > shop/Deployment/web UDP 53 IPv4',
  },
  {
    asked: '2001:db8::1 > shop/service/web:9',
    expected: [
      '2001:db8::1 > shop/Deployment/web TCP 9 IPv6',
      '2001:db8::1 > shop/Deployment/twice TCP 9 IPv6',
    ],
  },
  { asked: '2001:db8::1 > shop/web:80', expected: '2001:db8::1 > shop/Deployment/web TCP 80 IPv6' },
  {
    asked: 'lone > WWW.Example.com.:443',
    expected: 'default/Deployment/lone > www.example.com TCP 443 IPv4',
  },
  {
    asked: '2001:db8::1 > www.example.com:443',
    expected: '2001:db8::1 > www.example.com TCP 443 IPv6',
  },
  {
    asked: 'lone > dotted.name.web:80',
    expected: 'default/Deployment/lone > default/Pod/dotted.name.web TCP 80 IPv4',
  },
  { asked: 'lone > [2001:db8::1]:80', expected: 'default/Deployment/lone > 2001:db8::1 TCP 80 IPv6' },
])
  test(`readQuestions() understands ${row.asked}`, () => {
    const texts = ask(row.asked).map(
      ({ from, to, family, protocol, port }) =>
        `${nameOfParty(from)} > ${nameOfParty(to)} ${protocol} ${port} IPv${family}`,
    );
    assert.deepEqual(texts, [row.expected].flat());
  });

for (const row of [
  { asked: 'lone > shop/web', error: /write TO:PORT/ },
  { asked: 'lone > shop/web:0', error: /port "0": not in 1 to 65535/ },
  { asked: 'lone > shop/web:80/icmp', error: /protocol "icmp": TCP, UDP or SCTP/ },
  { asked: 'lone > shop/web:https', error: /port "https" of shop\/Deployment\/web: it has http, dns/ },
  { asked: 'lone > lone:http', error: /default\/Deployment\/lone: it has no named port/ },
  { asked: 'lone > shop/web:http/UDP', error: /port "http" of shop/ },
  { asked: 'lone > 203.0.113.7:http', error: /port "http" of 203\.0\.113\.7: it has no named port/ },
  {
    asked: 'lone > shop/twice:80',
    error: /which "shop\/twice" is meant: shop\/Deployment\/twice or shop\/StatefulSet\/twice/,
  },
  { asked: 'lone > shop/gone:80', error: /find "shop\/gone": the manifests have shop\/Deployment\/web, / },
  { asked: 'lone > shop/done:80', error: /find "shop\/done"/ },
  { asked: 'lone > node/n2:80', error: /find node "n2": the manifests have n1/ },
  { asked: 'lone > shop/Ingress/web:80', error: /"Ingress" is no kind that runs pods/ },
  { asked: 'lone > shop/Service/gone:80', error: /Service shop\/gone: the manifests have none/ },
  { asked: 'lone > shop/Service/web:80', error: /it has no port "80", but 8000 \(main\), 9, 53, 7/ },
  { asked: 'lone > shop/Service/web:7', error: /nobody behind it has the port "none"/ },
  { asked: 'lone > shop/Service/bare:1', error: /it has no selector/ },
  { asked: 'lone > shop/Service/empty:1', error: /its selector selects no workload/ },
  { asked: 'lone > *.example.com:443', error: /find "\*\.example\.com"/ },
  { asked: 'www.example.com > lone:1', error: /find "www\.example\.com"/ },
  { asked: 'lone > www.example.com:http', error: /port "http" of www\.example\.com: it has no named port/ },
  { asked: 'shop/Service/web > lone:1', error: /"Service" is no kind that runs pods/ },
  { asked: 'lone > a//b:80', error: /write NAMESPACE\/NAME/ },
  { asked: '203.0.113.7 > [2001:db8::1]:80', error: /addresses of two families/ },
])
  test(`readQuestions() refuses ${row.asked}`, () => {
    assert.throws(() => ask(row.asked), row.error);
  });

function ask(text: string): ReturnType<typeof readQuestions> {
  const [from = '', to = ''] = text.split(' > ');
  return readQuestions(WORLD, { from, ...splitDestination(to) }, SETTINGS);
}
