// Search lists of a node's pods from links and pods: each dnsPolicy, pods that come, go, and take over an address.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import type { PodLink } from '../backends/shared-node/policy-backend.ts';
import { parsePod, type Pod } from '../objects/pod.ts';
import { SearchListPart } from './search-list-part.ts';

function aPod(namespace: string, spec: object = {}): Pod {
  return parsePod({ metadata: { namespace, name: 'p', uid: `uid-${namespace}` }, spec });
}

function aLink(ip: string, namespace: string, uid = `uid-${namespace}`): PodLink {
  return { ifindex: 7, ips: [parseIp(ip)], pod: { key: `${namespace}/p`, uid }, bridge: undefined };
}

function aPart(problems: string[] = []): SearchListPart {
  return new SearchListPart({
    clusterDomain: 'Cluster.local',
    hostSearches: () => ['corp.example'],
    onProblem: (text) => problems.push(text),
  });
}

const podsOf = (...pods: readonly Pod[]) => new Map(pods.map((it) => [`${it.namespace}/p`, it]));
const CLUSTER = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'];
const OWN = { nameservers: ['10.96.0.10'], searches: ['x.example', 'y.example'] };

const ROWS: readonly { name: string; spec: object; searches: readonly string[] | undefined }[] = [
  { name: 'no policy', spec: {}, searches: CLUSTER },
  {
    name: 'ClusterFirst with domains of its own',
    spec: { dnsPolicy: 'ClusterFirst', dnsConfig: { searches: ['x.example'] } },
    searches: [...CLUSTER, 'x.example'],
  },
  { name: 'None', spec: { dnsPolicy: 'None', dnsConfig: OWN }, searches: ['x.example', 'y.example'] },
  { name: 'Default', spec: { dnsPolicy: 'Default' }, searches: undefined },
  { name: 'a domain that is no name', spec: { dnsConfig: { searches: ['a..b'] } }, searches: undefined },
];

for (const { name, spec, searches } of ROWS)
  test(`SearchListPart: ${name}`, () => {
    const lists = aPart().compile([aLink('10.244.1.2', 'shop')], podsOf(aPod('shop', spec)));
    assert.deepEqual(lists, searches === undefined ? [] : [{ searches, ips: ['10.244.1.2'] }]);
  });

test('SearchListPart names the pod whose domains are passed over', () => {
  const problems: string[] = [];
  const pods = podsOf(aPod('shop', { dnsConfig: { searches: ['a..b'] } }));
  aPart(problems).compile([aLink('10.244.1.2', 'shop')], pods);
  assert.match(problems.join(), /^Cannot complete names for pod shop\/p: /);
});

test('SearchListPart gives an address to the pod that is attached, never to one that is gone or of the same name', () => {
  const part = aPart();
  const pods = podsOf(aPod('shop'), aPod('bank'));
  const ofShop = part.compile([aLink('10.244.1.2', 'shop')], pods);
  assert.equal(ofShop[0]?.searches[0], 'shop.svc.cluster.local');
  assert.deepEqual(part.compile([], pods), []);
  const ofBank = part.compile([aLink('10.244.1.2', 'bank')], pods);
  assert.equal(ofBank[0]?.searches[0], 'bank.svc.cluster.local');
  assert.deepEqual(part.compile([aLink('10.244.1.2', 'bank', 'uid-of-another')], pods), []);
  assert.deepEqual(part.compile([aLink('10.244.1.2', 'bank')], podsOf()), []);
});

test('SearchListPart makes pods of one list one entry, and gives the same object while nothing changes', () => {
  const part = aPart();
  const links = [aLink('10.244.1.2', 'shop'), aLink('fd00::2', 'shop')];
  const pods = podsOf(aPod('shop'));
  const lists = part.compile(links, pods);
  assert.deepEqual(
    lists.map((it) => it.ips),
    [['10.244.1.2', 'fd00::2']],
  );
  assert.equal(part.compile(links, pods), lists);
  assert.equal(part.compile([...links], new Map(pods)), lists, 'another object that says the same');
});
