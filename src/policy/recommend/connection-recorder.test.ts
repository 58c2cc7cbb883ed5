import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { policyWorldOf } from '../../../test/support/policy-world-of.ts';
import { AddressBook } from './address-book.ts';
import { ConnectionRecorder, type SeenConnection } from './connection-recorder.ts';

const owned = (kind: string, name: string): string =>
  `ownerReferences: [ { kind: ${kind}, name: ${name}, controller: true } ]`;

const pod = (name: string, ip: string, node: string, owner = ''): string => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: x }, ${owner} }
spec: { nodeName: ${node}, containers: [] }
status: { podIPs: [ { ip: ${ip} } ] }
`;

const BOOK = new AddressBook(
  policyWorldOf(
    ['n1', 'n2']
      .map(
        (name, i) =>
          `---\napiVersion: v1\nkind: Node\nmetadata: { name: ${name} }\nstatus: { addresses: [ { type: InternalIP, address: 192.0.2.${i + 1} } ] }\n`,
      )
      .join('') +
      `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec: { template: { metadata: { labels: { app: x } }, spec: { containers: [] } } }
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: web-1, namespace: shop, ${owned('Deployment', 'web')} }
spec: { template: { metadata: { labels: { app: x } }, spec: { containers: [] } } }
---
apiVersion: v1
kind: Service
metadata: { name: kube-dns, namespace: kube-system }
spec: { clusterIP: 10.96.0.10, clusterIPs: [ 10.96.0.10, 'fd00:10:96::a' ] }
` +
      pod('web-1-a', '10.244.1.1', 'n1', owned('ReplicaSet', 'web-1')) +
      pod('web-1-b', '10.244.2.1', 'n2', owned('ReplicaSet', 'web-1')) +
      pod('lone', '10.244.1.2', 'n1') +
      pod('odd', '10.244.1.3', 'n1', owned('Rollout', 'odd')),
  ),
  new Map([['198.51.100.1', 'default/kubernetes']]),
);

/** "10.244.1.1:4000 > 10.244.2.1:80/UDP unanswered". */
function seen(text: string): SeenConnection {
  const match = /^(\S+):(\d+) > (\S+):(\d+)(?:\/(\S+))?( unanswered)?$/.exec(text);
  assert.ok(match, text);
  const [, source = '', sourcePort, destination = '', port, protocol, unanswered] = match;
  return {
    source: parseIp(source),
    destination: parseIp(destination),
    protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
    port: Number(port),
    isAnswered: unanswered === undefined,
    sourcePorts: [Number(sourcePort)],
  };
}

function recorded(...looks: readonly (readonly string[])[]): readonly string[] {
  const recorder = new ConnectionRecorder();
  for (const texts of looks) recorder.note(texts.map(seen), BOOK);
  return recorder
    .record({ startedAt: '', seconds: 1 })
    .connections.map(
      (it) =>
        `${it.connections} ${it.from} > ${it.to} ${it.protocol} ${it.port}${it.isAnswered ? '' : ' unanswered'}`,
    );
}

for (const row of [
  {
    name: 'pods by what made them',
    looks: [['10.244.1.1:1 > 10.244.1.2:80', '10.244.2.1:1 > 10.244.1.3:80']],
    expected: ['1 shop/Deployment/web > shop/Pod/lone TCP 80', '1 shop/Deployment/web > shop/Pod/odd TCP 80'],
  },
  {
    name: 'one that is seen by two nodes, or twice, once',
    looks: [
      ['10.244.1.1:1 > 10.244.2.1:80', '10.244.1.1:1 > 10.244.2.1:80'],
      ['10.244.1.1:1 > 10.244.2.1:80'],
    ],
    expected: ['1 shop/Deployment/web > shop/Deployment/web TCP 80'],
  },
  {
    name: 'each of several pods of a workload',
    looks: [
      ['10.244.1.1:1 > 203.0.113.7:443', '10.244.2.1:1 > 203.0.113.7:443', '10.244.2.1:2 > 203.0.113.7:443'],
    ],
    expected: ['3 shop/Deployment/web > 203.0.113.7 TCP 443'],
  },
  {
    name: 'nothing between a pod and its own node',
    looks: [['192.0.2.1:1 > 10.244.1.1:80', '10.244.1.1:1 > 192.0.2.1:10250']],
    expected: [],
  },
  {
    name: 'another node, which is no pod',
    looks: [['192.0.2.2:1 > 10.244.1.1:80']],
    expected: ['1 192.0.2.2 > shop/Deployment/web TCP 80'],
  },
  {
    name: 'the cluster’s DNS by its Service',
    looks: [['10.244.1.2:1 > 10.96.0.10:53/UDP']],
    expected: ['1 shop/Pod/lone > kube-system/service/kube-dns UDP 53'],
  },
  {
    name: 'datagrams as answered once any was',
    looks: [['10.244.1.2:1 > 10.244.1.3:9/UDP unanswered'], ['10.244.1.2:2 > 10.244.1.3:9/UDP']],
    expected: ['2 shop/Pod/lone > shop/Pod/odd UDP 9'],
  },
  {
    name: 'datagrams that nobody answers',
    looks: [['10.244.1.2:1 > 10.244.1.3:514/UDP unanswered']],
    expected: ['1 shop/Pod/lone > shop/Pod/odd UDP 514 unanswered'],
  },
  {
    name: 'no late answer',
    looks: [
      ['10.244.1.2:4000 > 10.244.1.3:9/UDP'],
      ['10.244.1.3:9 > 10.244.1.2:4000/UDP unanswered', '10.244.1.3:10 > 10.244.1.2:4001/UDP unanswered'],
    ],
    expected: ['1 shop/Pod/lone > shop/Pod/odd UDP 9', '1 shop/Pod/odd > shop/Pod/lone UDP 4001 unanswered'],
  },
  { name: 'nothing at a port that is none', looks: [['10.244.1.2:1 > 10.244.1.3:0']], expected: [] },
])
  test(`ConnectionRecorder records ${row.name}`, () => {
    assert.deepEqual(recorded(...row.looks), row.expected);
  });

test('ConnectionRecorder names nodes and endpoints of Services, and adds what nodes had no room for at their fullest', () => {
  const recorder = new ConnectionRecorder();
  const ends = [
    '192.0.2.2:1 > 10.244.1.1:80',
    '10.244.1.1:1 > 198.51.100.1:443',
    '10.244.1.1:1 > 203.0.113.1:1',
  ];
  recorder.note(ends.map(seen), BOOK);
  for (const [node, count] of [
    ['n1', 3],
    ['n1', 2],
    ['n2', 1],
  ] as const)
    recorder.noteLeftOut(node, count);
  const { names, leftOut } = recorder.record({ startedAt: '', seconds: 1 });
  assert.deepEqual(
    [...names],
    [
      ['192.0.2.2', 'node n2'],
      ['198.51.100.1', 'endpoint of default/kubernetes'],
    ],
  );
  assert.equal(leftOut, 4);
});

test('ConnectionRecorder keeps the domain names of what was spoken to', () => {
  const recorder = new ConnectionRecorder();
  const [spokenTo, other] = ['203.0.113.1', '203.0.113.2'].map((it) => parseIp(it));
  assert.ok(spokenTo && other);
  recorder.note([seen(`10.244.1.1:1 > ${spokenTo}:443`)], BOOK);
  recorder.noteNames([
    { name: 'www.example.org', ip: spokenTo },
    { name: 'www.example.org', ip: other },
    { name: 'example.com', ip: other },
  ]);
  const { names, learned } = recorder.record({ startedAt: '', seconds: 1 });
  assert.deepEqual([...learned], [['www.example.org', [spokenTo]]]);
  assert.deepEqual([...names], [[spokenTo, 'www.example.org']]);
});
