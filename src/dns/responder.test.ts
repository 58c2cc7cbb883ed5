// What is answered, as lines of a zone file: zone, refusals, names of others, limits of size.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import packet from 'dns-packet';
import { parseCidr } from '../base/cidr.ts';
import { parseIp } from '../base/ip.ts';
import { answerText, question, type AskOptions } from '../../test/support/dns-text.ts';
import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import { nameFromLabels, parseDnsName } from '../wire/dns/name.ts';
import type { AnswerObserver, ObservedAnswer } from './answer-observer.ts';
import type { OutsideQuestion, OutsideResolver } from './outside.ts';
import { prepareAnswer, prepareEmpty } from './prepared-answer.ts';
import { Responder, type DnsClient, type ResponderParts } from './responder.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';
import { nameEntryKey } from '../model/names.ts';

const UDP: DnsClient = { address: '10.244.1.9', transport: 'udp' };
const TCP: DnsClient = { address: '10.244.1.9', transport: 'tcp' };
const PREFIXES = ['10.96.0.0/16', 'fd00:10:96::/112', '10.244.0.0/16', 'fd00:10:244::/56'].map(parseCidr);

const ENTRIES: readonly unknown[] = [
  {
    kind: 'cluster-ip',
    namespace: 'shop',
    service: 'web',
    ips: ['10.96.0.7', 'fd00:10:96::7'],
    ports: [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  },
  { kind: 'cluster-ip', namespace: 'shop', service: 'four', ips: ['10.96.0.8'], ports: [] },
  {
    kind: 'headless',
    namespace: 'shop',
    service: 'db',
    endpoints: [
      { ip: '10.244.1.2', hostname: 'db-0', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
      { ip: '10.244.2.3', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
      { ip: 'fd00:10:244::2', hostname: 'db-0', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
    ],
  },
  { kind: 'external', namespace: 'shop', service: 'mail', target: 'mail.example.org' },
  { kind: 'external', namespace: 'shop', service: 'alias', target: 'web.shop.svc.cluster.local.' },
  { kind: 'external', namespace: 'shop', service: 'gone', target: 'gone.shop2.svc.cluster.local' },
  { kind: 'external', namespace: 'loop', service: 'a', target: 'b.loop.svc.cluster.local' },
  { kind: 'external', namespace: 'loop', service: 'b', target: 'a.loop.svc.cluster.local' },
  { kind: 'external', namespace: 'loop', service: 'bad', target: `${'x'.repeat(64)}.example.org` },
  { kind: 'pod', namespace: 'shop', ip: '10.244.1.2' },
];

/** Sees every answer. */
function observing(observe: AnswerObserver['observe']): AnswerObserver {
  return { isIdle: false, isMeant: () => true, observe };
}

/** Knows one name; says who was asked. */
function fakeOutside(): OutsideResolver & { readonly asked: OutsideQuestion[] } {
  const asked: OutsideQuestion[] = [];
  return {
    asked,
    resolve: (outside) => {
      asked.push(outside);
      if (outside.labels.join('.') !== 'mail.example.org') {
        return Promise.resolve({ prepared: prepareEmpty(RCODE.NXDOMAIN), ageS: 0 });
      }
      const name = nameFromLabels(outside.labels);
      const data = { kind: 'a', ip: parseIp('192.0.2.25') } as const;
      const prepared = prepareAnswer(
        { name, typeCode: outside.typeCode, classCode: CLASS_IN },
        { rcode: 0, isAuthoritative: false, answers: [{ name, classCode: CLASS_IN, ttlS: 300, data }] },
      );
      return { prepared, ageS: 40 };
    },
  };
}

function aResponder(options: Partial<ResponderParts> & { readonly entries?: readonly unknown[] } = {}) {
  const zone = new ZoneState();
  const entries = (options.entries ?? ENTRIES).map((it) => parseNameEntry(it));
  zone.replace({ prefixes: PREFIXES, entries: new Map(entries.map((it) => [nameEntryKey(it), it])) }, 7);
  return new Responder({
    zone,
    settings: {
      domain: parseDnsName('cluster.local'),
      serverIps: [parseIp('10.96.0.10'), parseIp('fd00:10:96::a')],
      ttlS: 5,
    },
    outside: fakeOutside(),
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
    ...options,
  });
}

async function ask(responder: Responder, text: string, options: AskOptions & { client?: DnsClient } = {}) {
  const bytes = await responder.respond(question(text, options), options.client ?? UDP);
  return bytes === undefined ? ['dropped'] : answerText(bytes);
}

const SOA = 'ns.dns.cluster.local hostmaster.cluster.local 7 5';
const NODATA = ['NOERROR aa', `authority cluster.local 5 SOA ${SOA}`];
const NXDOMAIN = ['NXDOMAIN aa', `authority cluster.local 5 SOA ${SOA}`];

const ROWS: readonly (readonly [string, readonly string[]])[] = [
  // A Service with cluster addresses (specification 2.3)
  ['web.shop.svc.cluster.local A', ['NOERROR aa', 'answer web.shop.svc.cluster.local 5 A 10.96.0.7']],
  [
    'web.shop.svc.cluster.local AAAA',
    ['NOERROR aa', 'answer web.shop.svc.cluster.local 5 AAAA fd00:10:96::7'],
  ],
  ['WEB.Shop.svc.CLUSTER.local A', ['NOERROR aa', 'answer WEB.Shop.svc.CLUSTER.local 5 A 10.96.0.7']],
  ['web.shop.svc.cluster.local TXT', NODATA],
  ['four.shop.svc.cluster.local AAAA', NODATA],
  [
    '_http._tcp.web.shop.svc.cluster.local SRV',
    [
      'NOERROR aa',
      'answer _http._tcp.web.shop.svc.cluster.local 5 SRV 0 100 80 web.shop.svc.cluster.local',
      'additional web.shop.svc.cluster.local 5 A 10.96.0.7',
      'additional web.shop.svc.cluster.local 5 AAAA fd00:10:96::7',
    ],
  ],
  ['_http._tcp.web.shop.svc.cluster.local A', NODATA],
  ['_http._udp.web.shop.svc.cluster.local SRV', NXDOMAIN],
  ['_https._tcp.web.shop.svc.cluster.local SRV', NXDOMAIN],
  ['_tcp.web.shop.svc.cluster.local SRV', NODATA],
  ['_sctp.web.shop.svc.cluster.local SRV', NXDOMAIN],
  ['x.web.shop.svc.cluster.local A', NXDOMAIN],
  ['x._http._tcp.web.shop.svc.cluster.local SRV', NXDOMAIN],
  // A headless Service (2.4)
  [
    'db.shop.svc.cluster.local A',
    [
      'NOERROR aa',
      'answer db.shop.svc.cluster.local 5 A 10.244.1.2',
      'answer db.shop.svc.cluster.local 5 A 10.244.2.3',
    ],
  ],
  [
    'db.shop.svc.cluster.local AAAA',
    ['NOERROR aa', 'answer db.shop.svc.cluster.local 5 AAAA fd00:10:244::2'],
  ],
  [
    'db-0.db.shop.svc.cluster.local A',
    ['NOERROR aa', 'answer db-0.db.shop.svc.cluster.local 5 A 10.244.1.2'],
  ],
  [
    '10-244-2-3.db.shop.svc.cluster.local A',
    ['NOERROR aa', 'answer 10-244-2-3.db.shop.svc.cluster.local 5 A 10.244.2.3'],
  ],
  ['10-244-2-3.db.shop.svc.cluster.local AAAA', NODATA],
  ['10-244-1-2.db.shop.svc.cluster.local A', NXDOMAIN],
  [
    '_sql._tcp.db.shop.svc.cluster.local SRV',
    [
      'NOERROR aa',
      'answer _sql._tcp.db.shop.svc.cluster.local 5 SRV 0 100 5432 db-0.db.shop.svc.cluster.local',
      'answer _sql._tcp.db.shop.svc.cluster.local 5 SRV 0 100 5432 10-244-2-3.db.shop.svc.cluster.local',
      'additional db-0.db.shop.svc.cluster.local 5 A 10.244.1.2',
      'additional db-0.db.shop.svc.cluster.local 5 AAAA fd00:10:244::2',
      'additional 10-244-2-3.db.shop.svc.cluster.local 5 A 10.244.2.3',
    ],
  ],
  // Reverse names (2.3.3, 2.4.3)
  [
    '7.0.96.10.in-addr.arpa PTR',
    ['NOERROR aa', 'answer 7.0.96.10.in-addr.arpa 5 PTR web.shop.svc.cluster.local'],
  ],
  ['7.0.96.10.in-addr.arpa A', ['NOERROR aa', `authority 96.10.in-addr.arpa 5 SOA ${SOA}`]],
  ['9.9.96.10.in-addr.arpa PTR', ['NXDOMAIN aa', `authority 96.10.in-addr.arpa 5 SOA ${SOA}`]],
  [
    '2.1.244.10.in-addr.arpa PTR',
    ['NOERROR aa', 'answer 2.1.244.10.in-addr.arpa 5 PTR db-0.db.shop.svc.cluster.local'],
  ],
  ['3.2.244.10.in-addr.arpa PTR', ['NXDOMAIN aa', `authority 244.10.in-addr.arpa 5 SOA ${SOA}`]],
  ['96.10.in-addr.arpa SOA', ['NOERROR aa', `answer 96.10.in-addr.arpa 5 SOA ${SOA}`]],
  ['96.10.in-addr.arpa NS', ['NOERROR aa', 'answer 96.10.in-addr.arpa 5 NS ns.dns.cluster.local']],
  ['10.in-addr.arpa SOA', ['NXDOMAIN']],
  ['1.2.0.192.in-addr.arpa PTR', ['NXDOMAIN']],
  [
    '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa PTR',
    [
      'NOERROR aa',
      'answer 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa 5 PTR web.shop.svc.cluster.local',
    ],
  ],
  // ExternalName (2.5)
  [
    'mail.shop.svc.cluster.local A',
    [
      'NOERROR aa',
      'answer mail.shop.svc.cluster.local 5 CNAME mail.example.org',
      'answer mail.example.org 260 A 192.0.2.25',
    ],
  ],
  [
    'mail.shop.svc.cluster.local CNAME',
    ['NOERROR aa', 'answer mail.shop.svc.cluster.local 5 CNAME mail.example.org'],
  ],
  [
    'alias.shop.svc.cluster.local A',
    [
      'NOERROR aa',
      'answer alias.shop.svc.cluster.local 5 CNAME web.shop.svc.cluster.local',
      'answer web.shop.svc.cluster.local 5 A 10.96.0.7',
    ],
  ],
  [
    'gone.shop.svc.cluster.local A',
    [
      'NXDOMAIN aa',
      'answer gone.shop.svc.cluster.local 5 CNAME gone.shop2.svc.cluster.local',
      `authority cluster.local 5 SOA ${SOA}`,
    ],
  ],
  ['bad.loop.svc.cluster.local A', NXDOMAIN],
  // Pods, schema version, the zone itself
  [
    '10-244-1-2.shop.pod.cluster.local A',
    ['NOERROR aa', 'answer 10-244-1-2.shop.pod.cluster.local 5 A 10.244.1.2'],
  ],
  ['10-244-1-3.shop.pod.cluster.local A', NXDOMAIN],
  ['shop.pod.cluster.local A', NODATA],
  ['pod.cluster.local A', NODATA],
  ['dns-version.cluster.local TXT', ['NOERROR aa', 'answer dns-version.cluster.local 5 TXT 1.1.0']],
  ['dns-version.cluster.local A', NODATA],
  ['cluster.local SOA', ['NOERROR aa', `answer cluster.local 5 SOA ${SOA}`]],
  ['cluster.local NS', ['NOERROR aa', 'answer cluster.local 5 NS ns.dns.cluster.local']],
  ['ns.dns.cluster.local A', ['NOERROR aa', 'answer ns.dns.cluster.local 5 A 10.96.0.10']],
  ['ns.dns.cluster.local AAAA', ['NOERROR aa', 'answer ns.dns.cluster.local 5 AAAA fd00:10:96::a']],
  ['dns.cluster.local A', NODATA],
  ['svc.cluster.local A', NODATA],
  ['shop.svc.cluster.local A', NODATA],
  ['nothere.svc.cluster.local A', NXDOMAIN],
  ['web.nothere.svc.cluster.local A', NXDOMAIN],
  ['web.cluster.local A', NXDOMAIN],
  // Search lists
  ['web.shop.svc.cluster.local.shop.svc.cluster.local A', NXDOMAIN],
  ['example.org.svc.cluster.local A', NXDOMAIN],
  // Names of others, and what nobody answers
  ['mail.example.org A', ['NOERROR', 'answer mail.example.org 260 A 192.0.2.25']],
  ['xcluster.local A', ['NXDOMAIN']],
  ['web.shop.svc.cluster.local ANY', ['REFUSED']],
  ['cluster.local AXFR', ['REFUSED']],
];

describe('Responder', () => {
  const responder = aResponder();
  for (const [asked, expected] of ROWS) {
    test(`answers ${asked}`, async () => {
      assert.deepEqual(await ask(responder, asked), expected);
      assert.deepEqual(await ask(responder, asked), expected, 'again, from memory');
    });
  }

  test('ends a circle of ExternalName Services', async () => {
    const [rcode, ...records] = await ask(aResponder(), 'a.loop.svc.cluster.local A');
    assert.equal(rcode, 'SERVFAIL aa');
    assert.equal(records.length, 8);
  });

  test('fails cluster names, and only those, until a zone is known', async () => {
    const responder = aResponder({ zone: new ZoneState() });
    assert.deepEqual(await ask(responder, 'web.shop.svc.cluster.local A'), ['SERVFAIL']);
    assert.equal((await ask(responder, 'mail.example.org A'))[0], 'NOERROR');
  });

  test('answers the new zone after a change', async () => {
    const zone = new ZoneState();
    const responder = aResponder({ zone });
    const put = [parseNameEntry(ENTRIES[1])];
    zone.change({ put, deleted: [], prefixes: PREFIXES, revision: 1 });
    assert.equal((await ask(responder, 'four.shop.svc.cluster.local A'))[0], 'NOERROR aa');
    zone.change({ put: [], deleted: ['service/shop/four'], prefixes: PREFIXES, revision: 2 });
    assert.equal((await ask(responder, 'four.shop.svc.cluster.local A'))[0], 'NXDOMAIN aa');
  });

  test('drops what is no query and tells what is malformed', async () => {
    const responder = aResponder();
    const respond = async (bytes: Buffer) => {
      const out = await responder.respond(bytes, UDP);
      return out === undefined ? 'dropped' : `${out.readUInt16BE(0)} rcode ${out.readUInt16BE(2) & 0xf}`;
    };
    const good = question('web.shop.svc.cluster.local A', { id: 77 });
    const withFlags = (flags: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeUInt16BE(flags, 2);
      return bytes;
    };
    assert.equal(await respond(good.subarray(0, 11)), 'dropped');
    assert.equal(await respond(withFlags(0x8180)), 'dropped', 'an answer');
    assert.equal(await respond(good.subarray(0, 20)), '77 rcode 1', 'cut within the name');
    assert.equal(await respond(Buffer.concat([good, Buffer.from([0])])), '77 rcode 1', 'octets behind');
    assert.equal(await respond(withFlags(0x2800)), '77 rcode 4', 'an update');
    const chaos = Buffer.from(good);
    chaos.writeUInt16BE(3, chaos.length - 2);
    assert.equal(await respond(chaos), '77 rcode 5', 'class CH');
  });

  test('echoes the bits of the question that the client set, and offers recursion', async () => {
    const bits = async (flags: number): Promise<string> => {
      const bytes = question('web.shop.svc.cluster.local A');
      bytes.writeUInt16BE(flags, 2);
      const out = await aResponder().respond(bytes, UDP);
      return (out?.readUInt16BE(2) ?? 0).toString(16);
    };
    // QR, AA, RA are ours; RD (0x0100) and CD (0x0010) the client's; AD (0x0020) is never said.
    assert.deepEqual([await bits(0), await bits(0x0100), await bits(0x0130)], ['8480', '8580', '8590']);
  });

  test('answers EDNS version 1 with BADVERS and its own version 0', async () => {
    const bytes = question('web.shop.svc.cluster.local A', { edns: 4096 });
    bytes[bytes.length - 5] = 1;
    const out = await aResponder().respond(bytes, UDP);
    assert.ok(out);
    const message = packet.decode(out);
    const opt = message.additionals?.[0];
    assert.ok(opt?.type === 'OPT');
    assert.deepEqual([opt.extendedRcode, opt.ednsVersion, opt.udpPayloadSize], [1, 0, 1232]);
  });

  test('shows the observer each answer before it is sent, and sends none that it rejects', async () => {
    const seen: ObservedAnswer[] = [];
    const order: string[] = [];
    const observed = aResponder({
      observer: observing(async (answer) => {
        seen.push(answer);
        await Promise.resolve();
        order.push('observed');
      }),
    });
    await ask(observed, 'db.shop.svc.cluster.local A').then(() => order.push('sent'));
    await ask(observed, 'mail.example.org A');
    assert.deepEqual(order.slice(0, 2), ['observed', 'sent']);
    assert.deepEqual(
      seen.map((it) => [it.client, it.question.name, it.answers.map(({ data }) => 'ip' in data && data.ip)]),
      [
        ['10.244.1.9', 'db.shop.svc.cluster.local', ['10.244.1.2', '10.244.2.3']],
        ['10.244.1.9', 'mail.example.org', ['192.0.2.25']],
      ],
    );
    const rejecting = aResponder({ observer: observing(() => Promise.reject(new Error('not now'))) });
    assert.deepEqual(await ask(rejecting, 'db.shop.svc.cluster.local A'), ['dropped']);
  });
});

describe('Responder with large answers', () => {
  const many = (count: number) => ({
    kind: 'headless',
    namespace: 'big',
    service: 'pods',
    endpoints: Array.from({ length: count }, (_, i) => ({
      ip: `10.244.${i >> 8}.${i & 255}`,
      hostname: `pod-${i}`,
      ports: [{ name: 'p', port: 80, protocol: 'TCP' }],
    })),
  });

  const count = async (responder: Responder, text: string, options: AskOptions & { client?: DnsClient }) => {
    const out = await responder.respond(question(text, options), options.client ?? UDP);
    assert.ok(out);
    const message = packet.decode(out);
    return { octets: out.length, records: message.answers?.length ?? 0, tc: message.flag_tc, message };
  };

  test('cuts at 512 octets without EDNS, at the smaller of both sizes with it, and marks it', async () => {
    const responder = aResponder({ entries: [many(200)] });
    const plain = await count(responder, 'pods.big.svc.cluster.local A', {});
    assert.deepEqual([plain.records, plain.tc], [29, true]);
    assert.ok(plain.octets <= 512);
    const edns = await count(responder, 'pods.big.svc.cluster.local A', { edns: 4096 });
    assert.deepEqual([edns.records, edns.tc], [73, true]);
    assert.ok(edns.octets <= 1232);
    const tcp = await count(responder, 'pods.big.svc.cluster.local A', { client: TCP });
    assert.deepEqual([tcp.records, tcp.tc], [200, false]);
  });

  test('gives a part in random order over TCP where 65,535 octets hold not all', async () => {
    let next = 0;
    const random = { uint16: () => 0, fraction: () => (next = (next + 0.618) % 1) };
    const responder = aResponder({ entries: [many(5000)], random });
    const tcp = await count(responder, 'pods.big.svc.cluster.local A', { client: TCP });
    assert.ok(tcp.records > 4000 && tcp.octets <= 65_535);
    const ips = (tcp.message.answers ?? []).map((it) => (it.type === 'A' ? it.data : ''));
    assert.equal(new Set(ips).size, tcp.records, 'no address twice');
    assert.notEqual(ips[0], '10.244.0.0');
    const srv = await count(responder, '_p._tcp.pods.big.svc.cluster.local SRV', { client: TCP });
    assert.ok(srv.records > 500 && srv.octets <= 65_535);
  });

  test('shuffles: every order of three addresses comes', async () => {
    const responder = aResponder({
      entries: [many(3)],
      random: { uint16: () => 0, fraction: Math.random },
    });
    const orders = new Set<string>();
    for (let i = 0; i < 200; i++) orders.add((await ask(responder, 'pods.big.svc.cluster.local A')).join());
    assert.equal(orders.size, 6);
  });
});
