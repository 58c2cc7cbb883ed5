// Who answers and why: the steps of questions in the zone, of aliases, of searches, and of names of others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  responderOfPage,
  outsideOfPage,
  zoneOfPage,
  SETTINGS_OF_PAGE,
} from '../../test/support/dns-specification.ts';
import { parseIp } from '../base/ip.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { newUse } from './answer-use.ts';
import { explain } from './explain.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { SearchLists } from './search-lists.ts';
import { ZoneState } from './zone-state.ts';

const POD = '10.4.0.9';
/** All names of others are there from now on. */
const HALF_A_MINUTE = {
  get: () => ({
    prepared: prepareEmpty(0),
    storedMs: 0,
    expiresMs: 30_000,
    keptUntilMs: 30_000,
    use: newUse(0),
  }),
};
const NO_UPSTREAMS = { zoneOf: () => undefined, watchExchanges: () => () => undefined };

function ask(name: string, { type = 'A', isSearched = false, zone = zoneOfPage() } = {}) {
  const searchLists = new SearchLists();
  const searches = ['shop.svc.cluster.local', 'svc.cluster.local'].map(parseDnsName);
  searchLists.replace([{ searches, ips: [parseIp(POD)] }]);
  const responder = responderOfPage(zone, searchLists);
  const others = {
    outside: outsideOfPage,
    cache: HALF_A_MINUTE,
    forwarding: NO_UPSTREAMS,
    monotonicMs: () => 0,
  };
  const parts = { zone, settings: SETTINGS_OF_PAGE, searchLists, responder, ...others };
  return explain({ name, type, client: POD, isSearched }, parts);
}

async function wordsOf(...question: Parameters<typeof ask>): Promise<readonly string[]> {
  const { rcode, steps, answers } = await ask(...question);
  return [...steps.map(({ name, by, says }) => `${by}: ${name}: ${says}`), rcode, ...answers];
}

const ROWS: readonly {
  readonly name: string;
  readonly asked: Parameters<typeof ask>;
  readonly says: readonly string[];
}[] = [
  {
    name: 'the Service that a name comes from',
    asked: ['Kubernetes.default.svc.cluster.local'],
    says: [
      'zone: kubernetes.default.svc.cluster.local: Service default/kubernetes, one record',
      'NOERROR',
      'kubernetes.default.svc.cluster.local 5 A 10.3.0.1',
    ],
  },
  {
    name: 'a name without such records',
    asked: ['kubernetes.default.svc.cluster.local', { type: 'TYPE65' }],
    says: [
      'zone: kubernetes.default.svc.cluster.local: Service default/kubernetes, no such records',
      'NOERROR',
    ],
  },
  {
    name: 'an alias, and who says what it stands for',
    asked: ['foo.default.svc.cluster.local'],
    says: [
      'zone: foo.default.svc.cluster.local: ExternalName Service default/foo, which stands for www.example.com',
      'cache: www.example.com: NOERROR, 0 seconds old, kept for 30 more',
      'NOERROR',
      'foo.default.svc.cluster.local 5 CNAME www.example.com',
      'www.example.com 28715 A 192.0.2.53',
    ],
  },
  {
    name: "the names of a pod's search, one after the other",
    asked: ['kubernetes.default', { isSearched: true }],
    says: [
      'zone: kubernetes.default.shop.svc.cluster.local: no such name',
      'zone: kubernetes.default.svc.cluster.local: Service default/kubernetes, one record',
      'NOERROR',
      'kubernetes.default.shop.svc.cluster.local 5 CNAME kubernetes.default.svc.cluster.local',
      'kubernetes.default.svc.cluster.local 5 A 10.3.0.1',
    ],
  },
  {
    name: 'a search that ends nowhere',
    asked: ['nothing', { isSearched: true }],
    says: [
      'zone: nothing.shop.svc.cluster.local: no such name',
      'zone: nothing.svc.cluster.local: no such name',
      'cache: nothing: NXDOMAIN, 0 seconds old, kept for 30 more',
      'NXDOMAIN',
    ],
  },
  {
    name: 'a zone that nobody has brought',
    asked: ['kubernetes.default.svc.cluster.local', { zone: new ZoneState() }],
    says: [
      'zone: kubernetes.default.svc.cluster.local: not known yet: the agent has brought no zone',
      'SERVFAIL',
    ],
  },
];

for (const { name, asked, says } of ROWS)
  test(`explain() tells ${name}`, async () => {
    assert.deepEqual(await wordsOf(...asked), says);
  });

for (const [name, type] of [
  ['a..b', 'A'],
  ['example.com', 'SING'],
  ['example.com', 'TYPE65536'],
] as const)
  test(`explain() refuses ${name} ${type}`, async () => {
    await assert.rejects(ask(name, { type }), /Cannot/);
  });
