import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, aNetworkPolicy, placedOf, POD_CIDRS } from '../../test/support/policy-world-of.ts';
import { parseIp } from '../base/ip.ts';
import { DNS_END, withDns } from '../policy/cluster-dns.ts';
import { oracleJudge } from '../policy/policy-judge.ts';
import { tellDenied } from './policy-denied.ts';

const known = withDns(
  placedOf(
    aDeployment('shop/web', '{ app: web }') +
      aNetworkPolicy(
        'shop/closed',
        '{ podSelector: {}, egress: [ { to: [ { namespaceSelector: {}, podSelector: { matchLabels: { k8s-app: kube-dns } } } ], ports: [ { port: 53 } ] } ] }',
      ),
  ),
  { podCidrs: POD_CIDRS },
);
const names = new Map([
  ['10.244.0.2', 'shop/Deployment/web'],
  ['10.96.0.10', DNS_END],
]);

test('tellDenied() explains a question for names by the rules about the DNS server, whoever answers', () => {
  const [source, destination] = ['10.244.0.2', '10.96.0.10'].map((it) => parseIp(it));
  assert.ok(source && destination);
  const rest = { direction: 'egress', protocol: 17, port: 53, packets: 1, firstMs: 0, lastMs: 0 } as const;
  const denied = { ...rest, source, destination, node: 'n1' };
  const told = tellDenied(denied, { known, judge: oracleJudge(known.world), names });
  assert.deepEqual([told.from, told.to, told.protocolName], ['shop/Deployment/web', DNS_END, 'UDP']);
  assert.deepEqual(
    told.why?.isolatedBy.map((it) => it.policy),
    ['NetworkPolicy shop/closed'],
  );
  assert.deepEqual(told.why?.nearest[0]?.needs, ['the port were TCP 53']);
});
