// Search lists completed by the server: which questions begin a chain, what answers them, what upstreams are asked, and what policies learn of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { answerText, question } from '../../test/support/dns-text.ts';
import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import { nameFromLabels, parseDnsName } from '../wire/dns/name.ts';
import { nameEntryKey } from '../model/names.ts';
import type { AnswerObserver, ObservedAnswer } from './answer-observer.ts';
import type { AnsweredQuery } from './answered-query.ts';
import type { OutsideAnswer, OutsideResolver } from './outside.ts';
import { prepareAnswer, prepareEmpty } from './prepared-answer.ts';
import { Responder, type ResponderParts } from './responder.ts';
import { SearchLists } from './search-lists.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';

const SHOP = '10.244.1.9';
const OTHER = '10.244.1.10';
const OFFICE = '10.244.1.11';
const CLUSTER = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
const SOA = 'authority cluster.local 5 SOA ns.dns.cluster.local hostmaster.cluster.local 7 5';
const DENIED = ['NXDOMAIN aa', SOA];

const ENTRIES = [
  { kind: 'cluster-ip', namespace: 'shop', service: 'web', ips: ['10.96.0.7'], ports: [] },
  { kind: 'cluster-ip', namespace: 'bank', service: 'api', ips: ['10.96.0.8'], ports: [] },
  {
    kind: 'headless',
    namespace: 'bank',
    service: 'db',
    endpoints: [1, 2, 3].map((it) => ({ ip: `10.244.2.${it}`, ports: [] })),
  },
  { kind: 'external', namespace: 'bank', service: 'mail', target: 'api.example.com' },
].map((it) => parseNameEntry(it));

/** api.example.com has an IPv4 address, build.corp.example one too, down.example.com fails, nothing else exists. */
function anOutside(asked: string[]): OutsideResolver {
  return {
    resolve: ({ labels, typeCode }): Promise<OutsideAnswer> => {
      const name = labels.join('.');
      asked.push(name);
      if (name === 'down.example.com')
        return Promise.resolve({ prepared: prepareEmpty(RCODE.SERVFAIL), ageS: 0 });
      if (name !== 'api.example.com' && name !== 'build.corp.example')
        return Promise.resolve({ prepared: prepareEmpty(RCODE.NXDOMAIN), ageS: 0 });
      const owner = nameFromLabels(labels);
      const data = { kind: 'a', ip: parseIp('192.0.2.25') } as const;
      const answers = typeCode === 1 ? [{ name: owner, classCode: CLASS_IN, ttlS: 300, data }] : [];
      const asking = { name: owner, typeCode, classCode: CLASS_IN };
      return Promise.resolve({
        prepared: prepareAnswer(asking, { rcode: 0, isAuthoritative: false, answers }),
        ageS: 40,
      });
    },
  };
}

function aBed(parts: Partial<ResponderParts> = {}) {
  const asked: string[] = [];
  const answered: AnsweredQuery[] = [];
  const zone = new ZoneState();
  zone.replace({ prefixes: [], entries: new Map(ENTRIES.map((it) => [nameEntryKey(it), it])) }, 7);
  const searchLists = new SearchLists();
  const names = (list: readonly string[]) => list.map(parseDnsName);
  searchLists.replace([
    { searches: names(CLUSTER), ips: [parseIp(SHOP)] },
    { searches: names([...CLUSTER, 'corp.example']), ips: [parseIp(OFFICE)] },
  ]);
  const responder = new Responder({
    zone,
    settings: { domain: parseDnsName('cluster.local'), serverIps: [], ttlS: 5 },
    outside: anOutside(asked),
    random: { fraction: Math.random, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
    searchLists,
    onAnswered: (it) => answered.push(it),
    ...parts,
  });
  const ask = async (text: string, address = SHOP): Promise<readonly string[]> => {
    const bytes = await responder.respond(question(text), { address, transport: 'udp' });
    return bytes === undefined ? ['dropped'] : answerText(bytes);
  };
  return { ask, asked, answered, searchLists };
}

const API = 'api.example.com.shop.svc.cluster.local';

const ROWS: readonly {
  readonly name: string;
  readonly asks: string;
  readonly of?: string;
  readonly answer: readonly string[];
  readonly upstream: readonly string[];
}[] = [
  {
    name: 'an outside name is answered at once behind a CNAME',
    asks: `${API} A`,
    answer: ['NOERROR', `answer ${API} 260 CNAME api.example.com`, 'answer api.example.com 260 A 192.0.2.25'],
    upstream: ['api.example.com'],
  },
  {
    name: 'a name without such records is without them under the name asked',
    asks: `${API} AAAA`,
    answer: ['NOERROR'],
    upstream: ['api.example.com'],
  },
  {
    name: "another namespace's Service is found without any upstream",
    asks: 'api.bank.shop.svc.cluster.local A',
    answer: [
      'NOERROR aa',
      'answer api.bank.shop.svc.cluster.local 5 CNAME api.bank.svc.cluster.local',
      'answer api.bank.svc.cluster.local 5 A 10.96.0.8',
    ],
    upstream: [],
  },
  {
    name: 'an ExternalName on the way is followed',
    asks: 'mail.bank.shop.svc.cluster.local A',
    answer: [
      'NOERROR aa',
      'answer mail.bank.shop.svc.cluster.local 5 CNAME mail.bank.svc.cluster.local',
      'answer mail.bank.svc.cluster.local 5 CNAME api.example.com',
      'answer api.example.com 260 A 192.0.2.25',
    ],
    upstream: ['api.example.com'],
  },
  {
    name: 'a domain of the host comes before the name alone',
    asks: 'build.shop.svc.cluster.local A',
    of: OFFICE,
    answer: [
      'NOERROR',
      'answer build.shop.svc.cluster.local 260 CNAME build.corp.example',
      'answer build.corp.example 260 A 192.0.2.25',
    ],
    upstream: ['build.corp.example'],
  },
  {
    name: 'where nothing exists the name asked does not',
    asks: 'nothing.example.com.shop.svc.cluster.local A',
    answer: DENIED,
    upstream: ['nothing.example.com'],
  },
  {
    name: 'where others fail the client goes on, and hears of it at the name alone',
    asks: 'down.example.com.shop.svc.cluster.local A',
    answer: DENIED,
    upstream: ['down.example.com'],
  },
  {
    name: 'what exists at once is no search',
    asks: 'web.shop.svc.cluster.local A',
    answer: ['NOERROR aa', 'answer web.shop.svc.cluster.local 5 A 10.96.0.7'],
    upstream: [],
  },
  {
    name: 'a later domain of the list is the rest of a search, which goes on as ever',
    asks: 'api.example.com.svc.cluster.local A',
    answer: DENIED,
    upstream: [],
  },
  {
    name: "the domain of another namespace is not this pod's",
    asks: 'api.example.com.bank.svc.cluster.local A',
    answer: DENIED,
    upstream: [],
  },
  {
    name: 'who is no pod of the node is not completed',
    asks: `${API} A`,
    of: OTHER,
    answer: DENIED,
    upstream: [],
  },
];

describe('search lists', () => {
  for (const { name, asks, of, answer, upstream } of ROWS)
    test(`${name}: ${asks}`, async () => {
      const { ask, asked } = aBed();
      assert.deepEqual(await ask(asks, of), answer);
      assert.deepEqual(asked, upstream);
    });

  test('a denial that is remembered for others does not stand in the way, nor the other way round', async () => {
    const { ask } = aBed();
    assert.deepEqual(await ask(`${API} A`, OTHER), DENIED);
    assert.equal((await ask(`${API} A`))[0], 'NOERROR');
    assert.deepEqual(await ask(`${API} A`, OTHER), DENIED);
  });

  test('addresses of a headless Service come in every order', async () => {
    const { ask } = aBed();
    const orders = new Set<string>();
    for (let i = 0; i < 200; i++) orders.add((await ask('db.bank.shop.svc.cluster.local A')).join());
    assert.equal(orders.size, 6);
  });

  test('a name that is too long with a domain is passed over', async () => {
    const { searchLists } = aBed();
    const domain = `${'d'.repeat(60)}.${'e'.repeat(60)}`;
    searchLists.replace([{ searches: ['x', domain].map(parseDnsName), ips: [parseIp(SHOP)] }]);
    const long = Array.from({ length: 3 }, () => 'l'.repeat(60));
    assert.deepEqual(searchLists.chainOf(SHOP, [...long, 'x']), [long]);
  });

  test('where others are silent, what the cluster has not is denied after a second', async () => {
    const slept: number[] = [];
    const { ask } = aBed({
      outside: { resolve: () => new Promise(() => undefined) },
      sleep: (ms) => {
        slept.push(ms);
        return Promise.resolve();
      },
    });
    assert.deepEqual(await ask(`${API} A`), DENIED);
    assert.deepEqual(slept, [1000]);
  });

  test('lists of now take the place of those of before', async () => {
    const { ask, searchLists } = aBed();
    assert.equal((await ask(`${API} A`))[0], 'NOERROR');
    searchLists.replace([]);
    assert.deepEqual(await ask(`${API} A`), DENIED);
  });

  test('policies learn the name that answered: one that allows names of the cluster allows no outside name by its search', async () => {
    const seen: ObservedAnswer[] = [];
    const observer: AnswerObserver = {
      isIdle: false,
      isMeant: ({ name }) => name === 'api.example.com',
      observe: (it) => void seen.push(it),
    };
    const { ask, answered } = aBed({ observer });
    await ask(`${API} A`);
    assert.deepEqual(
      seen.map((it) => [it.question.name, it.answers.at(-1)?.name]),
      [['api.example.com', 'api.example.com']],
    );
    assert.deepEqual(
      answered.map((it) => [it.isCompleted, it.isFromZone]),
      [[true, false]],
    );
  });
});
