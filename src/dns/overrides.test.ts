// Hosts lines and rewritten names through the whole responder: what clients are told, and under which name.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { aRecord, anAddress, aSoa } from '../../test/support/dns-messages.ts';
import { answerText, question } from '../../test/support/dns-text.ts';
import { eventually } from '../../test/support/eventually.ts';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { nameEntryKey } from '../model/names.ts';
import type { ResourceRecord } from '../wire/dns/message.ts';
import { nameFromLabels, parseDnsName } from '../wire/dns/name.ts';
import { ConfigFields } from './config-fields.ts';
import { parseHosts } from './hosts-file.ts';
import { watchHosts } from './hosts-watch.ts';
import { parseOverrides, type HostsFile, type OverrideZoneFile } from './override-config.ts';
import { Overrides } from './overrides.ts';
import { prepareAnswer } from './prepared-answer.ts';
import { Responder } from './responder.ts';
import type { RewriteFile } from './rewrite.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneState } from './zone-state.ts';

const WORLD: Readonly<Record<string, readonly ResourceRecord[]>> = {
  'blue.example.org': [anAddress('blue.example.org', 300, '192.0.2.1')],
  'www.new.example': [
    aRecord('www.new.example', 60, { kind: 'cname', target: parseDnsName('cdn.new.example') }),
    anAddress('cdn.new.example', 60, '192.0.2.2'),
  ],
  'ftp.service.west.consul': [anAddress('ftp.service.west.consul', 0, '192.0.2.3')],
};

/** Asks a responder with these overrides; the names that went out are in `asked`. */
function aResponder(...zones: readonly OverrideZoneFile[]) {
  const zone = new ZoneState();
  const entries = [
    { kind: 'cluster-ip', namespace: 'shop', service: 'web', ips: ['10.96.0.7'], ports: [] },
    {
      kind: 'headless',
      namespace: 'shop',
      service: 'db',
      endpoints: [
        { ip: '10.244.1.2', hostname: 'db-0', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
        { ip: '10.244.1.3', hostname: 'db-1', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
      ],
    },
  ].map((it) => parseNameEntry(it));
  zone.replace({ prefixes: [], entries: new Map(entries.map((it) => [nameEntryKey(it), it])) }, 7);
  const asked: string[] = [];
  const parsed = parseOverrides(new ConfigFields({ overrides: zones }));
  const responder = new Responder({
    zone,
    settings: { domain: parseDnsName('cluster.local'), serverIps: [parseIp('10.96.0.10')], ttlS: 5 },
    overrides: new Overrides({ zones: parsed, tableOf: (hosts) => parseHosts(hosts.inline) }),
    outside: {
      resolve: ({ labels, typeCode }) => {
        const name = nameFromLabels(labels);
        asked.push(name);
        const answers = WORLD[name] ?? [];
        const denial = answers.length === 0 ? { authorities: [aSoa('example', 900, 300)] } : {};
        const rcode = answers.length === 0 ? 3 : 0;
        const parts = { rcode, isAuthoritative: false, answers, ...denial };
        return Promise.resolve({
          prepared: prepareAnswer({ name, typeCode, classCode: 1 }, parts),
          ageS: 10,
        });
      },
    },
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
  });
  const ask = async (text: string): Promise<string[]> => {
    const bytes = await responder.respond(question(text), { address: '10.244.1.9', transport: 'udp' });
    assert.ok(bytes);
    return answerText(bytes);
  };
  return { ask, asked };
}

function hosts(lines: readonly string[], more: HostsFile = {}): OverrideZoneFile {
  return { zone: '.', hosts: { lines, fallthrough: ['.'], ...more } };
}

const LINES = [
  '# of the office',
  '192.0.2.10 Printer.corp.example printer # upstairs',
  'fd00::10\tprinter.corp.example',
  '192.0.2.11 printer.corp.example web.shop.svc.cluster.local',
  '192.0.2.12 *.apps.corp.example',
  'not-an-address x.corp.example',
  '192.0.2.13 bad..name ok.corp.example',
];

const HOSTS_ROWS: readonly (readonly [string, readonly string[]])[] = [
  [
    'printer.corp.example A',
    [
      'NOERROR aa',
      'answer printer.corp.example 3600 A 192.0.2.10',
      'answer printer.corp.example 3600 A 192.0.2.11',
    ],
  ],
  ['PRINTER.corp.example AAAA', ['NOERROR aa', 'answer PRINTER.corp.example 3600 AAAA fd00::10']],
  ['printer A', ['NOERROR aa', 'answer printer 3600 A 192.0.2.10']],
  ['printer.corp.example TXT', ['NOERROR aa']],
  ['web.shop.svc.cluster.local A', ['NOERROR aa', 'answer web.shop.svc.cluster.local 3600 A 192.0.2.11']],
  ['a.apps.corp.example A', ['NOERROR aa', 'answer a.apps.corp.example 3600 A 192.0.2.12']],
  ['ok.corp.example A', ['NOERROR aa', 'answer ok.corp.example 3600 A 192.0.2.13']],
  [
    '10.2.0.192.in-addr.arpa PTR',
    [
      'NOERROR aa',
      'answer 10.2.0.192.in-addr.arpa 3600 PTR printer.corp.example',
      'answer 10.2.0.192.in-addr.arpa 3600 PTR printer',
    ],
  ],
  ['blue.example.org A', ['NOERROR', 'answer blue.example.org 290 A 192.0.2.1']],
];
for (const [text, expected] of HOSTS_ROWS) {
  test(`hosts lines answer ${text}`, async () => {
    assert.deepEqual(await aResponder(hosts(LINES)).ask(text), expected);
  });
}

test('hosts lines keep to their zones, fail what they lack without fallthrough, and tell no address its name', async () => {
  const { ask, asked } = aResponder(
    hosts(['192.0.2.1 a.corp.example blue.example.org'], {
      zones: ['corp.example', 'in-addr.arpa'],
      fallthrough: ['in-addr.arpa'],
      noReverse: true,
      ttlS: 7,
    }),
  );
  assert.deepEqual(await ask('a.corp.example A'), ['NOERROR aa', 'answer a.corp.example 7 A 192.0.2.1']);
  assert.deepEqual(await ask('b.corp.example A'), ['SERVFAIL']);
  assert.deepEqual(asked, []);
  await ask('blue.example.org A');
  await ask('1.2.0.192.in-addr.arpa PTR');
  assert.deepEqual(asked, ['blue.example.org', '1.2.0.192.in-addr.arpa']);
});

const to = (match: RewriteFile['match'], from: string, name: string, more: Partial<RewriteFile> = {}) => ({
  match,
  from,
  to: name,
  ...more,
});
const FTP = '(.*)-(west)\\.coredns\\.rocks';

const REWRITES: readonly (readonly [string, readonly RewriteFile[], string, readonly string[]])[] = [
  [
    'an exact name of others',
    [to('exact', 'red.example.org', 'Blue.example.org.')],
    'RED.example.org A',
    ['NOERROR', 'answer RED.example.org 290 A 192.0.2.1'],
  ],
  [
    'a name that stands for a Service',
    [to('exact', 'shop.example.com', 'web.shop.svc.cluster.local')],
    'shop.example.com A',
    ['NOERROR aa', 'answer shop.example.com 5 A 10.96.0.7'],
  ],
  [
    'a name that stands for many pods',
    [to('exact', 'db.example.com', 'db.shop.svc.cluster.local')],
    'db.example.com A',
    ['NOERROR aa', 'answer db.example.com 5 A 10.244.1.2', 'answer db.example.com 5 A 10.244.1.3'],
  ],
  [
    'ports of a Service, with the addresses beside them',
    [to('suffix', '.example.com', '.shop.svc.cluster.local')],
    '_sql._tcp.db.example.com SRV',
    [
      'NOERROR aa',
      'answer _sql._tcp.db.example.com 5 SRV 0 100 5432 db-0.db.example.com',
      'answer _sql._tcp.db.example.com 5 SRV 0 100 5432 db-1.db.example.com',
      'additional db-0.db.example.com 5 A 10.244.1.2',
      'additional db-1.db.example.com 5 A 10.244.1.3',
    ],
  ],
  [
    'an end of names, also within the answer',
    [to('suffix', '.old.example', '.new.example')],
    'www.old.example A',
    ['NOERROR', 'answer www.old.example 50 CNAME cdn.old.example', 'answer cdn.old.example 50 A 192.0.2.2'],
  ],
  [
    'a beginning of names',
    [to('prefix', 'red.', 'blue.')],
    'red.example.org A',
    ['NOERROR', 'answer red.example.org 290 A 192.0.2.1'],
  ],
  [
    'a part of names, as often as it is there',
    [to('substring', 'old', 'new')],
    'www.old.example A',
    ['NOERROR', 'answer www.old.example 50 CNAME cdn.new.example', 'answer cdn.new.example 50 A 192.0.2.2'],
  ],
  [
    'groups of a regex',
    [to('regex', FTP, '{1}.service.{2}.consul')],
    'ftp-west.coredns.rocks A',
    ['NOERROR', 'answer ftp-west.coredns.rocks 0 A 192.0.2.3'],
  ],
  [
    'names in answers by a regex',
    [
      to('regex', '(.*)\\.old\\.example', '{1}.new.example', {
        answers: [{ from: '(.*)\\.new\\.example', to: '{1}.old.example' }],
      }),
    ],
    'www.old.example A',
    ['NOERROR', 'answer www.old.example 50 CNAME cdn.old.example', 'answer cdn.old.example 50 A 192.0.2.2'],
  ],
  [
    'by rule after rule where it continues',
    [to('exact', 'a.example.org', 'red.example.org', { continues: true }), to('prefix', 'red', 'blue')],
    'a.example.org A',
    ['NOERROR', 'answer a.example.org 290 A 192.0.2.1'],
  ],
  [
    'by the first rule alone where it stops',
    [to('exact', 'red.example.org', 'blue.example.org'), to('prefix', 'blue', 'green')],
    'red.example.org A',
    ['NOERROR', 'answer red.example.org 290 A 192.0.2.1'],
  ],
  [
    'times to live',
    [{ match: 'suffix', from: '.example.org', ttlS: [15, 30] }],
    'blue.example.org A',
    ['NOERROR', 'answer blue.example.org 30 A 192.0.2.1'],
  ],
  [
    'times to live of many pods',
    [{ match: 'suffix', from: '.cluster.local', ttlS: [15, 30] }],
    'db.shop.svc.cluster.local A',
    [
      'NOERROR aa',
      'answer db.shop.svc.cluster.local 15 A 10.244.1.2',
      'answer db.shop.svc.cluster.local 15 A 10.244.1.3',
    ],
  ],
  [
    'a name that is there under neither',
    [to('exact', 'a.example', 'b.example')],
    'a.example A',
    ['NXDOMAIN', 'authority example 890 SOA ns.example.org h.example.org 1 300'],
  ],
  ['into what is no name', [to('regex', '(.*)\\.example', '{1}..x')], 'a.example A', ['SERVFAIL']],
];
for (const [name, rewrite, text, expected] of REWRITES) {
  test(`rewrite ${name}`, async () => {
    assert.deepEqual(await aResponder({ zone: '.', rewrite }).ask(text), expected);
  });
}

test('a rewritten name is looked up in the hosts lines, and the most specific zone alone has a name', async () => {
  const { ask } = aResponder(
    {
      ...hosts(['192.0.2.9 blue.example.org']),
      rewrite: [to('exact', 'red.example.org', 'blue.example.org')],
    },
    { zone: 'corp.example.org', rewrite: [to('prefix', 'x.', 'y.')] },
  );
  assert.deepEqual(await ask('red.example.org A'), ['NOERROR aa', 'answer red.example.org 3600 A 192.0.2.9']);
  assert.deepEqual((await ask('red.corp.example.org A'))[0], 'NXDOMAIN');
});

for (const [rewrite, expected] of [
  [{ match: 'regex', from: '(a+)+', to: 'x' }, /overrides\[0\].rewrite\[0\].from: .*for ever/],
  [{ match: 'regex', from: '(?i)a', to: 'x' }, /no regular expression/],
  [{ match: 'sometimes', from: 'a', to: 'x' }, /match: must be one of exact/],
  [{ match: 'exact', from: 'a', ttlS: [5] }, /ttlS: must be two whole numbers/],
] as const) {
  test(`parseOverrides() refuses ${JSON.stringify(rewrite)}`, () => {
    const overrides = [{ zone: '.', rewrite: [rewrite] }];
    assert.throws(() => parseOverrides(new ConfigFields({ overrides })), expected);
  });
}

test('watchHosts() follows its file and keeps what it said when it is gone', async () => {
  const folder = mkdtempSync(`${tmpdir()}/t-dns-hosts-`);
  const end = new AbortController();
  after(() => {
    end.abort();
    rmSync(folder, { recursive: true });
  });
  const file = `${folder}/hosts`;
  writeFileSync(file, '192.0.2.1 a\n');
  const [zone] = parseOverrides(new ConfigFields({ overrides: [hosts(['192.0.2.2 b'], { file })] }));
  assert.ok(zone?.hosts);
  // A clock that goes a hundred times as fast.
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal),
  };
  const tableOf = watchHosts([zone.hosts], { clock, signal: end.signal, log: pino({ level: 'silent' }) });
  const names = () => [...tableOf(zone.hosts ?? assert.fail()).ips.keys()].join(' ');
  assert.equal(names(), 'b', 'what is inline is there at once');
  await eventually(() => assert.equal(names(), 'b a'));
  writeFileSync(file, '192.0.2.1 a\n192.0.2.3 c\n');
  await eventually(() => assert.equal(names(), 'b a c'));
  unlinkSync(file);
  await systemClock.sleep(150);
  assert.equal(names(), 'b a c');
});
