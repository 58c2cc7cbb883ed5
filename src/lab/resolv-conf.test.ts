import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../objects/api-types.ts';
import { formatResolvConf, parseResolvConf, podResolvConf } from './resolv-conf.ts';

const HOST = parseResolvConf(
  '# comment\nsearch old.example\nsearch corp.example\nnameserver 192.0.2.53\noptions timeout:1 rotate\n',
);
const SETTINGS = { clusterDomain: 'cluster.local', dnsIps: ['10.96.0.10', 'fd00:10:96::a'], host: HOST };
const CLUSTER = `search shop.svc.cluster.local svc.cluster.local cluster.local corp.example
nameserver 10.96.0.10
nameserver fd00:10:96::a
options ndots:5
`;
const NODE = 'search corp.example\nnameserver 192.0.2.53\noptions timeout:1 rotate\n';

const rows: readonly { name: string; spec: Partial<PodSpec>; text: string }[] = [
  { name: 'no policy is ClusterFirst', spec: {}, text: CLUSTER },
  { name: "ClusterFirst with the node's network is the node's", spec: { hostNetwork: true }, text: NODE },
  {
    name: 'ClusterFirstWithHostNet',
    spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
    text: CLUSTER,
  },
  { name: 'Default', spec: { dnsPolicy: 'Default' }, text: NODE },
  { name: 'None without a config is empty', spec: { dnsPolicy: 'None' }, text: '' },
  {
    name: 'None with a config is the config alone',
    spec: {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['1.1.1.1'],
        searches: ['x.local'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
    },
    text: 'search x.local\nnameserver 1.1.1.1\noptions ndots:2 edns0\n',
  },
  {
    name: 'a config is merged: no duplicates, later options win, three nameservers at most',
    spec: {
      dnsConfig: {
        nameservers: ['10.96.0.10', '9.9.9.9', '8.8.8.8'],
        searches: ['cluster.local', 'more'],
        options: [{ name: 'ndots', value: '1' }],
      },
    },
    text: 'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example more\nnameserver 10.96.0.10\nnameserver fd00:10:96::a\nnameserver 9.9.9.9\noptions ndots:1\n',
  },
];

for (const { name, spec, text } of rows) {
  test(`podResolvConf(): ${name}`, () => {
    const metadata = { name: 'p', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], ...spec } };
    assert.equal(formatResolvConf(podResolvConf(pod, SETTINGS)), text);
  });
}

test('podResolvConf() keeps at most 32 search domains and 2048 characters', () => {
  const searches = Array.from({ length: 40 }, (_, index) => `${'x'.repeat(60)}${index}.example`);
  const metadata = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [], dnsPolicy: 'None', dnsConfig: { searches } },
  };
  const conf = podResolvConf(pod, SETTINGS);
  assert.ok(conf.searches.length <= 32 && conf.searches.join(' ').length <= 2048);
  assert.equal(conf.searches[0], searches[0]);
});
