// When the kernel may answer names of the cluster, and for how long its answers may be kept, by the cluster's Corefile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import type { KernelNames } from '../backends/dns-ebpf/render.ts';
import { nameEntryKey } from '../model/names.ts';
import { parseNameEntry } from '../dns/zone-json.ts';
import { kernelNames } from './kernel-names.ts';

const ENTRY = parseNameEntry({
  kind: 'cluster-ip',
  namespace: 'shop',
  service: 'web',
  ips: ['10.96.0.7'],
  ports: [],
});
const NAMES = { prefixes: [], entries: new Map([[nameEntryKey(ENTRY), ENTRY]]) };
const LISTEN = [parseIp('10.96.0.10')];
const NODE_LOCAL = [parseIp('169.254.20.10')];
const KUBERNETES = 'kubernetes cluster.local in-addr.arpa ip6.arpa';

function namesBy(corefile: { readonly text: string | undefined } | undefined): KernelNames | undefined {
  const config = {
    clusterDomain: 'cluster.local',
    dnsSocket: '/dns',
    dnsTtlS: 5,
    dnsUdpPayloadBytes: 1232,
    nodeLocalDnsIps: NODE_LOCAL,
  };
  return kernelNames(config)({
    names: NAMES,
    namesRevision: 1,
    policies: { names: [] },
    services: { cluster: { dnsIps: LISTEN } },
    corefile,
  });
}

function block(...lines: readonly string[]): { readonly text: string } {
  return { text: `.:53 {\n  ${[...lines, 'forward . 192.0.2.1'].join('\n  ')}\n}\n` };
}

const ANSWERED: readonly (readonly [string, { readonly text: string | undefined }, number])[] = [
  ['no Corefile', { text: undefined }, 5],
  ['a plain one', block(KUBERNETES, 'cache 30'), 5],
  ['one that logs failures', block(KUBERNETES, 'log {\n    class error\n  }'), 5],
  ['one that logs answers for other names', block(KUBERNETES, 'log example.org'), 5],
  ['one that says for how long', block(`${KUBERNETES} {\n    ttl 30\n  }`), 30],
];

for (const [what, corefile, ttlS] of ANSWERED)
  test(`${what}: the kernel answers, for ${ttlS} s`, () => {
    const made = namesBy(corefile);
    assert.equal(made?.zone, NAMES);
    assert.equal(made?.shared.ttlS, ttlS);
    assert.deepEqual(made?.serverIps, [...LISTEN, ...NODE_LOCAL]);
  });

const LEFT: readonly (readonly [string, { readonly text: string }])[] = [
  [
    'hosts lines',
    block(KUBERNETES, 'hosts {\n    192.0.2.9 web.shop.svc.cluster.local\n    fallthrough\n  }'),
  ],
  [
    'a name that is asked for under another one',
    block(KUBERNETES, 'rewrite name a.test web.shop.svc.cluster.local'),
  ],
  ['answers that are logged', block(KUBERNETES, 'log')],
  ['what cannot be done, so that the former one is in force', block(KUBERNETES, 'nonsense')],
  ['a way that leads back here', { text: `.:53 {\n  ${KUBERNETES}\n  forward . 10.96.0.10\n}\n` }],
];

for (const [what, corefile] of LEFT)
  test(`a Corefile with ${what}: all is left to the DNS process`, () => {
    const made = namesBy(corefile);
    assert.deepEqual(made?.serverIps, []);
    assert.equal(made?.zone.entries.size, 0);
  });

test('while it is not known whether there is a Corefile, nothing is changed', () => {
  assert.equal(namesBy(undefined), undefined);
});
