// Names of the cluster answered by the pod program itself: byte for byte what the DNS process answers, or the packet goes on as it came.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { takeKernelAnswers } from '../../src/agent/kernel-answers.ts';
import { POLICY_MODES } from '../../src/base/policy-numbers.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseNameEntry } from '../../src/dns/zone-json.ts';
import type { NameEntry } from '../../src/model/names.ts';
import { TEST_IFINDEX } from '../../src/sys/bpf-test-run.ts';
import { POLICY_ISOLATED } from '../../src/wire/bpf-maps-policy.ts';
import { TYPE } from '../../src/wire/dns/constants.ts';
import { answerText, question } from '../support/dns-text.ts';
import { aQuestion, drawsOf, type QuestionParts } from '../support/name-questions.ts';
import { openNameLab, type NameLab, type SentQuestion } from '../support/name-lab.ts';
import * as p from '../support/packets.ts';

const lifetime = new Lifetime('test');
let lab: NameLab;

before(async () => {
  lab = await openNameLab(lifetime);
});
after(() => lifetime.close());

const service = (name: string, ips: readonly string[]): NameEntry =>
  parseNameEntry({ kind: 'cluster-ip', namespace: 'shop', service: name, ips, ports: [] });

const headless = (name: string, endpoints: readonly { ip: string; hostname?: string }[]): NameEntry =>
  parseNameEntry({
    kind: 'headless',
    namespace: 'shop',
    service: name,
    endpoints: endpoints.map((it) => ({ ...it, ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] })),
  });

/** Before ".boundary.shop.svc.cluster.local": as long as a key, on the wire. */
const LONGEST = 'b'.repeat(62);

const many = (count: number, isV6 = false): readonly { ip: string }[] =>
  Array.from({ length: count }, (_, at) => ({
    ip: isV6 ? `fd00:10:244::${(at + 1).toString(16)}` : `10.244.${at >> 8}.${(at & 255) + 1}`,
  }));

const ENTRIES: readonly NameEntry[] = [
  service('web', ['10.96.0.7', 'fd00:10:96::7']),
  service('four', ['10.96.0.8']),
  service('six', ['fd00:10:96::8']),
  headless('db', [
    { ip: '10.244.1.2', hostname: 'db-0' },
    { ip: '10.244.2.3' },
    { ip: 'fd00:10:244::2', hostname: 'db-0' },
    { ip: 'fd00:10:244::3', hostname: 'db-0' },
  ]),
  headless('wide', [...many(28), ...many(16, true)]),
  headless('full', [...many(70), ...many(40, true)]),
  headless('over', many(73)),
  service('a'.repeat(63), ['10.96.0.9']),
  headless('boundary', [
    { ip: '10.244.1.9', hostname: LONGEST },
    { ip: '10.244.1.8', hostname: `${LONGEST}c` },
  ]),
  parseNameEntry({ kind: 'external', namespace: 'shop', service: 'mail', target: 'mail.example.org' }),
];

const NAMES: readonly string[] = [
  'web four six db wide full over mail nobody _tcp.db _sql._tcp.db db-0.db 10-244-2-3.db'.split(' '),
  '10-244-0-7.wide fd00-10-244--9.wide 10-244-0-7.web boundary'.split(' '),
  ['a'.repeat(63), `${LONGEST}.boundary`, `${LONGEST}c.boundary`],
].flatMap((some) => some.map((it) => `${it}.shop.svc.cluster.local`));
const OTHER_NAMES = ['shop.svc.cluster.local', 'cluster.local', 'ns.dns.cluster.local', 'example.org', 'x'];

function short(name: string): string {
  return name.replace('.shop.svc.cluster.local', '');
}

/** What the kernel says is what the process says with the same draws; true where it said something. */
function agree(asked: Uint8Array, way: Parameters<NameLab['askKernel']>[1] = {}): boolean {
  const answer = lab.askKernel(asked, way);
  if (answer === undefined) return false;
  const unshuffled = lab.askProcess(asked);
  assert.ok(unshuffled, 'the process has an answer at once');
  const draws = drawsOf({ unshuffled, shuffled: answer });
  assert.deepEqual(Buffer.from(answer), Buffer.from(lab.askProcess(asked, draws) ?? []));
  return true;
}

describe('names', () => {
  before(() => lab.program(ENTRIES));
  beforeEach(() => lab.lab.counted());

  test('are answered with their addresses, and with nothing where there is none of the family', () => {
    const say = (text: string): readonly string[] | undefined => {
      const answer = lab.askKernel(question(text));
      return answer && answerText(answer);
    };
    assert.deepEqual(say('web.shop.svc.cluster.local A'), [
      'NOERROR aa',
      'answer web.shop.svc.cluster.local 5 A 10.96.0.7',
    ]);
    assert.deepEqual(say('four.shop.svc.cluster.local AAAA'), [
      'NOERROR aa',
      'authority cluster.local 5 SOA ns.dns.cluster.local hostmaster.cluster.local 1 5',
    ]);
    assert.deepEqual(lab.lab.counted(), { 'name-answered': 1, 'name-no-data': 1 });
  });

  test('and their bytes are those of the process, for every name, type and size', () => {
    const answered = new Set<string>();
    const askInAllWays = (name: string, type: number): void => {
      for (const edns of [undefined, 0, 512, 513, 1000, 1232, 4096])
        for (const way of [{}, { isV6: true }, { hasChecksum: false }]) {
          const parts = { name, type, edns, isDnssecOk: edns === 1000, id: answered.size };
          if (agree(aQuestion(parts), way)) answered.add(`${short(name)} ${type}`);
        }
    };
    for (const name of [...NAMES, ...OTHER_NAMES])
      for (const type of [TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, TYPE.ANY]) askInAllWays(name, type);
    const both = (name: string): string[] => [`${name} ${TYPE.A}`, `${name} ${TYPE.AAAA}`];
    const left = [
      'over',
      'mail',
      'nobody',
      '_tcp.db',
      '_sql._tcp.db',
      '10-244-0-7.web',
      `${LONGEST}c.boundary`,
    ];
    const known = NAMES.map(short).filter((it) => !left.includes(it));
    assert.deepEqual([...answered].toSorted(), known.flatMap(both).toSorted());
  });

  test('are shuffled anew by each answer, each order as often as any other', () => {
    const asked = aQuestion({ name: 'db.shop.svc.cluster.local', type: TYPE.A });
    const first = Array.from({ length: 400 }, () => lab.askKernel(asked)?.at(-17));
    const share = first.filter((it) => it === first[0]).length / first.length;
    assert.ok(share > 0.35 && share < 0.65, `${share}`);
  });

  test('are heard in any case, and said again in it', () => {
    const asked = aQuestion({ name: 'wEb.ShOp.SVC.cLuStEr.LoCaL', type: TYPE.A });
    assert.ok(agree(asked));
  });

  test('are left to the process where more is asked than a plain question', () => {
    const name = 'web.shop.svc.cluster.local';
    const odd: readonly QuestionParts[] = [
      { name, flags: 0x8100 },
      { name, flags: 0x0900 },
      { name, flags: 0x0140 },
      { name, flags: 0x0300 },
      { name, flags: 0x0101 },
      { name, classCode: 3 },
      { name, type: TYPE.ANY },
      { name, questions: 2 },
      { name, answers: 1 },
      { name, authorities: 1 },
      { name, additionals: 2, edns: 1232 },
      { name, additionals: 1 },
      { name, additionals: 0, edns: 1232 },
      { name, edns: 1232, version: 1 },
      { name, edns: 1232, extendedRcode: 1 },
      { name, edns: 1232, ednsFlags: 1 },
      { name, edns: 1232, optionBytes: p.bytes([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]) },
      { name, behind: p.bytes([0]) },
      { name, edns: 1232, optionLength: 4 },
      { name, nameBehind: p.bytes([0]) },
      { name, nameBehind: p.bytes([0, 0, 1]) },
      { name: 'x.cluster.local', nameBehind: p.bytes([0, 0, 1, 0, 1]) },
    ];
    for (const it of odd) assert.equal(lab.askKernel(aQuestion(it)), undefined, JSON.stringify(it));
    for (const flags of [0x0000, 0x0110, 0x0120, 0x0130])
      assert.ok(agree(aQuestion({ name, flags })), `${flags}`);
  });

  test('are left to the process where the packet is no plain one, or not for us', () => {
    const asked = aQuestion({ name: 'web.shop.svc.cluster.local' });
    for (const way of [
      { port: 54 },
      { sourcePort: 0 },
      { destination: '10.96.0.11' },
      { isV6: true, hasChecksum: false },
    ])
      assert.equal(lab.askKernel(asked, way), undefined, JSON.stringify(way));
    const padded = p.bytes(lab.frame(asked), [0, 0, 0]);
    assert.equal(lab.lab.sends(padded).verdict, 'ok');
    const [source, destination] = ['10.77.0.10', '10.96.0.10'];
    const payload = p.udp({ source, destination, sourcePort: 40_000, destinationPort: 53, payload: asked });
    const fragment = p.frame({ source, destination, protocol: p.UDP, payload, hasMore: true, id: 7 });
    assert.equal(lab.lab.sends(fragment).verdict, 'ok');
  });

  test('are what they were where a question is anything but that: damaged ones are passed on, or answered as by the process', () => {
    const plain = fc.record({
      name: fc.constantFrom(...NAMES),
      type: fc.constantFrom(TYPE.A, TYPE.AAAA),
      edns: fc.constantFrom(undefined, 512, 1232),
    });
    const damage = fc.array(fc.tuple(fc.nat(140), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(plain, damage, fc.integer({ min: -3, max: 12 }), (parts, places, more) => {
        const whole = aQuestion(parts);
        const asked = new Uint8Array(Math.max(0, whole.length + more));
        asked.set(whole.subarray(0, asked.length));
        for (const [at, octet] of places) if (at < asked.length) asked[at] = octet;
        agree(asked);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (asked) => {
        agree(asked);
      }),
      { numRuns: 1000 },
    );
  });

  test('that policies speak of are left to the process, from which their addresses are learned', async () => {
    const [web, db] = ['web', 'db-0.db'].map((it) => aQuestion({ name: `${it}.shop.svc.cluster.local` }));
    assert.ok(web && db);
    await lab.program(ENTRIES, ['*.db.shop.svc.cluster.local', 'four.shop.svc.cluster.local']);
    assert.deepEqual([agree(web), agree(db)], [true, false]);
    await lab.program(ENTRIES, []);
    assert.deepEqual([agree(web), agree(db)], [true, true]);
  });
});

describe('a change of the names', () => {
  const asks = (name: string): boolean =>
    agree(aQuestion({ name: `${name}.shop.svc.cluster.local`, edns: 1232 }));

  test('is what is answered next', async () => {
    for (const ips of [many(1), many(2), many(70), many(73), many(3), many(1), []]) {
      const entries = ips.length === 0 ? [] : [headless('db', ips)];
      await lab.program([service('web', ['10.96.0.7']), ...entries]);
      assert.equal(asks('db'), ips.length > 0 && ips.length <= 72, `${ips.length}`);
      assert.ok(asks('web'));
    }
    await lab.program([]);
    assert.equal(asks('web'), false);
    const { dnsNames, dnsAddresses } = lab.lab.bpf.maps;
    assert.deepEqual([dnsNames.count(), dnsAddresses.count()], [0, 0]);
  });

  test('holds for random zones', async () => {
    const label = fc.constantFrom('a', 'b', 'c-1', 'd0', 'e'.repeat(40));
    const endpoint = fc.record({
      ip: fc.oneof(
        fc.nat(60).map((it) => `10.244.0.${it + 1}`),
        fc.nat(60).map((it) => `fd00::${it + 1}`),
      ),
      hostname: fc.option(label, { nil: undefined }),
    });
    const entry = fc.oneof(
      fc
        .record({ name: label, v4: fc.nat(200), v6: fc.nat(200) })
        .map(({ name, v4, v6 }) =>
          service(
            name,
            [`10.96.1.${v4 + 1}`, `fd00:10:96::${v6 + 1}`].slice(v4 & 1, 1 + (v6 & 1) + (v4 & 1)),
          ),
        ),
      fc
        .record({ name: label, endpoints: fc.array(endpoint, { minLength: 1, maxLength: 60 }) })
        .map(({ name, endpoints }) =>
          headless(
            name,
            endpoints.map(({ ip, hostname }) => (hostname === undefined ? { ip } : { ip, hostname })),
          ),
        ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async (entries) => {
        await lab.program(entries);
        const names = ['a', 'b', 'c-1', 'd0', 'e'.repeat(40)];
        for (const name of [...names, ...names.flatMap((it) => names.map((of) => `${it}.${of}`))])
          for (const type of [TYPE.A, TYPE.AAAA])
            for (const edns of [undefined, 1232])
              agree(aQuestion({ name: `${name}.shop.svc.cluster.local`, type, edns }));
      }),
      { numRuns: 40 },
    );
  });
});

describe('what a pod asked', () => {
  const [WEB, DB] = ['web', 'db'].map((it) => `${it}.shop.svc.cluster.local`);
  const asks = (
    name: string | undefined,
    type: number,
    way: SentQuestion & { isDnssecOk?: boolean } = {},
  ) => {
    const { isDnssecOk } = way;
    const edns = isDnssecOk === undefined ? {} : { edns: 1232, isDnssecOk };
    return lab.lab.sends(lab.frame(aQuestion({ name: name ?? '', type, ...edns }), way));
  };
  const taken = (): readonly string[] =>
    takeKernelAnswers(lab.lab.bpf.maps)
      .map(
        ({ client, name, typeCode, isDnssecOk, count }) =>
          `${client} ${name} ${typeCode} ${isDnssecOk ? 'do ' : ''}${count}`,
      )
      .toSorted();
  before(() => lab.program(ENTRIES));
  beforeEach(() => void taken());

  test('is counted by its address, the name and the type, and gone with the reading', () => {
    for (let i = 0; i < 5; i++) asks(WEB, TYPE.A, { isDnssecOk: false });
    asks(WEB, TYPE.A, { isV6: true });
    asks(WEB, TYPE.A, { isDnssecOk: true });
    asks('WEB.shop.svc.cluster.local', TYPE.AAAA);
    asks('four.shop.svc.cluster.local', TYPE.AAAA);
    for (let i = 0; i < 2; i++) asks(DB, TYPE.A);
    assert.deepEqual(taken(), [
      '10.77.0.10 db.shop.svc.cluster.local 1 2',
      '10.77.0.10 four.shop.svc.cluster.local 28 1',
      '10.77.0.10 web.shop.svc.cluster.local 1 5',
      '10.77.0.10 web.shop.svc.cluster.local 1 do 1',
      '10.77.0.10 web.shop.svc.cluster.local 28 1',
      'fd77::10 web.shop.svc.cluster.local 1 1',
    ]);
    assert.deepEqual(taken(), []);
    asks(WEB, TYPE.A);
    assert.deepEqual(taken(), ['10.77.0.10 web.shop.svc.cluster.local 1 1']);
  });

  test('is not counted where the process is to answer', () => {
    asks(WEB, TYPE.SRV);
    asks('nobody.shop.svc.cluster.local', TYPE.A);
    asks(WEB, TYPE.A, { destination: '10.96.0.11' });
    assert.deepEqual(taken(), []);
  });

  test('keeps the name that has gone meanwhile', async () => {
    asks(DB, TYPE.A);
    await lab.program([]);
    assert.deepEqual(taken(), ['10.77.0.10 db.shop.svc.cluster.local 1 1']);
    await lab.program(ENTRIES);
  });

  test('is taken whole where it is much, by a few readings at once', async () => {
    const names = Array.from({ length: 3000 }, (_, at) => `s${at}`);
    await lab.program(names.map((it) => service(it, ['10.96.0.7'])));
    for (const it of names) asks(`${it}.shop.svc.cluster.local`, TYPE.A);
    assert.equal(new Set(taken()).size, names.length);
    assert.deepEqual(taken(), []);
    await lab.program(ENTRIES);
  });
});

describe('a pod that may not ask', () => {
  const asked = aQuestion({ name: 'web.shop.svc.cluster.local' });
  before(() => lab.program(ENTRIES));
  afterEach(() => stand(POLICY_MODES.judges, 0));

  function stand(mode: number, isolated: number): void {
    const { podInterfaces, policyState } = lab.lab.bpf.maps;
    const there = podInterfaces.lookup({ ifindex: TEST_IFINDEX });
    assert.ok(there);
    podInterfaces.update({ ifindex: TEST_IFINDEX }, { ...there, subject: 9, isolated });
    policyState.update({ index: 0 }, { epoch: 2, mode });
  }

  test('gets no answer by its policies', () => {
    stand(POLICY_MODES.judges, POLICY_ISOLATED.egress);
    assert.equal(lab.lab.sends(lab.frame(asked)).verdict, 'shot');
  });

  test('is left to those who judge later, where they may deny it', () => {
    stand(POLICY_MODES.marks, POLICY_ISOLATED.egress);
    assert.equal(lab.askKernel(asked), undefined);
    stand(POLICY_MODES.marks, POLICY_ISOLATED.ingress);
    assert.ok(agree(asked));
  });

  test('is left to whoever it is while nobody keeps policies', () => {
    stand(POLICY_MODES.off, 0);
    assert.equal(lab.askKernel(asked), undefined);
  });
});
