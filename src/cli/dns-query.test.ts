import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../objects/api-types.ts';
import { isSearched, queryText } from './dns-query.ts';

function aPod(options: readonly { readonly name: string; readonly value: string }[] = []): Pod {
  const metadata = { name: 'p', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  const spec: PodSpec = { containers: [], dnsConfig: { options: [...options] } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
}

const ROWS = [
  { name: 'api.bank', pod: aPod(), is: true },
  { name: 'api.bank.', pod: aPod(), is: false },
  { name: 'a.b.c.d.e.f', pod: aPod(), is: false },
  { name: 'www.example.com', pod: aPod([{ name: 'ndots', value: '2' }]), is: false },
  { name: 'api.bank', pod: undefined, is: false },
];

for (const { name, pod, is } of ROWS)
  test(`isSearched() ${name} ${pod === undefined ? 'by nobody' : JSON.stringify(pod.spec?.dnsConfig)}: ${is}`, () => {
    assert.equal(isSearched(name, pod), is);
  });

test('queryText() says who asked whom, each step, the code and the answers', () => {
  const text = queryText({
    name: 'web.shop.svc.cluster.local',
    type: 'A',
    node: 'n1',
    from: 'shop/pod/a',
    client: '10.244.1.2',
    steps: [{ name: 'web.shop.svc.cluster.local', by: 'zone', says: 'Service shop/web, one record' }],
    rcode: 'NOERROR',
    answers: ['web.shop.svc.cluster.local 5 A 10.96.0.7'],
  });
  assert.equal(
    text,
    `web.shop.svc.cluster.local A, asked of n1 by shop/pod/a (10.244.1.2)
  zone: web.shop.svc.cluster.local: Service shop/web, one record
NOERROR
  web.shop.svc.cluster.local 5 A 10.96.0.7
`,
  );
});
