import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import type { Pod, PodSpec } from '../objects/api-types.ts';
import { kernelSays } from './dns-kernel.ts';
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
    kernel: { isAnswered: false, says: 'left to the DNS process: the name is not in its map' },
    steps: [{ name: 'web.shop.svc.cluster.local', by: 'zone', says: 'Service shop/web, one record' }],
    rcode: 'NOERROR',
    answers: ['web.shop.svc.cluster.local 5 A 10.96.0.7'],
  });
  assert.equal(
    text,
    `web.shop.svc.cluster.local A, asked of n1 by shop/pod/a (10.244.1.2)
  kernel: web.shop.svc.cluster.local: left to the DNS process: the name is not in its map
  zone: web.shop.svc.cluster.local: Service shop/web, one record
NOERROR
  web.shop.svc.cluster.local 5 A 10.96.0.7
`,
  );
});

const SERVERS = [parseIp('10.96.0.10')];
const ADDRESSES = { 4: [parseIp('10.96.0.7')], 6: [] };

for (const { type, servers, addresses, is, says } of [
  {
    type: 'A',
    servers: SERVERS,
    addresses: ADDRESSES,
    is: true,
    says: /^10\.96\.0\.7; the DNS process is not asked/,
  },
  { type: 'AAAA', servers: SERVERS, addresses: ADDRESSES, is: true, says: /^no addresses of the type;/ },
  { type: 'SRV', servers: SERVERS, addresses: ADDRESSES, is: false, says: /only A and AAAA/ },
  { type: 'A', servers: SERVERS, addresses: undefined, is: false, says: /not in its map/ },
  { type: 'A', servers: [], addresses: undefined, is: false, says: /answers no names/ },
])
  test(`kernelSays() of ${type}: ${says.source}`, () => {
    const said = kernelSays(type, { servers, addresses });
    assert.equal(said.isAnswered, is);
    assert.match(said.says, says);
  });
