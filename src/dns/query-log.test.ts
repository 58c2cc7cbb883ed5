// Which answers become a line of the log, in which words, and that their number is bounded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import packet from 'dns-packet';
import { ConfigFields } from './config-fields.ts';
import { QueryLog } from './query-log.ts';
import { LOG_LINES_PER_SECOND, parseQueryLog, type QueryLogZoneFile } from './query-log-config.ts';
import { parseQuery } from './query.ts';
import type { DnsClient } from './responder.ts';

const CLIENT: DnsClient = { address: '10.244.1.7', transport: 'udp' };

interface Asked {
  readonly name?: string;
  readonly type?: 'A' | 'AAAA';
  readonly client?: DnsClient;
  readonly hasEdns?: boolean;
  /** Low four bits of the code, and how many addresses. */
  readonly rcode?: number;
  readonly answers?: number;
  readonly isLate?: boolean;
}

/** Lines of a log with these zones; the clock stands where `time` says, and moves on by `tookMs` with each answer. */
function aLog(queryLog: readonly QueryLogZoneFile[], tookMs = 2) {
  const lines: string[] = [];
  const time = { ms: 5000 };
  const log = {
    info: (first: string | object, text?: string) =>
      void lines.push(typeof first === 'string' ? first : `${text} ${JSON.stringify(first)}`),
  };
  const zones = parseQueryLog(new ConfigFields({ queryLog }));
  const queries = new QueryLog({ zones, log, monotonicMs: () => time.ms });
  const ask = async (asked: Asked = {}): Promise<void> => {
    const {
      name = 'Web.example',
      type = 'A',
      client = CLIENT,
      hasEdns = false,
      rcode = 0,
      answers = 1,
    } = asked;
    const additionals = hasEdns
      ? [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: packet.DNSSEC_OK, options: [] } as never]
      : [];
    const questions = [{ name, type }];
    const bytes = packet.encode({
      type: 'query',
      id: 4711,
      flags: packet.RECURSION_DESIRED,
      questions,
      additionals,
    });
    const respond = (of: Buffer): Buffer => {
      time.ms += tookMs;
      const record = { name, type: 'A', ttl: 5, data: '192.0.2.1' } as const;
      const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | rcode;
      const out = packet.encode({
        type: 'response',
        id: 4711,
        flags,
        questions,
        answers: Array(answers).fill(record),
      });
      // As a responder may do that writes the answer where the question was.
      of.fill(0xff);
      return out;
    };
    await queries.respond(
      { respond: (of) => (asked.isLate === true ? Promise.resolve().then(() => respond(of)) : respond(of)) },
      bytes,
      client,
    );
  };
  return { lines, ask, time, queries };
}

test('QueryLog writes the common log format of CoreDNS, at once and late alike', async () => {
  const { lines, ask } = aLog([{ zone: '.', rules: [{}] }]);
  await ask();
  await ask({ hasEdns: true, isLate: true, type: 'AAAA', rcode: 3, answers: 0 });
  await ask({ client: { address: 'fd00::7', transport: 'tcp' } });
  assert.deepEqual(lines, [
    '10.244.1.7:- - 4711 "A IN web.example. udp 29 false 512" NOERROR qr,rd,ra 56 0.002000s',
    '10.244.1.7:- - 4711 "AAAA IN web.example. udp 40 true 1232" NXDOMAIN qr,rd,ra 29 0.002000s',
    '[fd00::7]:- - 4711 "A IN web.example. tcp 29 false 65535" NOERROR qr,rd,ra 56 0.002000s',
  ]);
});

test('QueryLog writes other formats; what is not known is "-", and a value is never read as a placeholder', async () => {
  const format = '{combined} {>OPCODE} {local} {name}';
  const { lines, ask } = aLog([{ zone: '.', rules: [{ format }] }]);
  await ask({ name: '{type}.example' });
  assert.match(lines[0] ?? '', / 0\.002000s "0" 0 - \{type\}\.example\.$/);
});

const ANSWERS = {
  success: {},
  denial: { rcode: 3, answers: 0 },
  nodata: { answers: 0 },
  error: { rcode: 2, answers: 0 },
};

for (const [classes, written] of [
  [[], ['success', 'denial', 'nodata', 'error']],
  [['error'], ['error']],
  [['denial'], ['denial', 'nodata']],
  [
    ['success', 'error'],
    ['success', 'error'],
  ],
  [
    ['error', 'all'],
    ['success', 'denial', 'nodata', 'error'],
  ],
] as const)
  test(`QueryLog of the classes ${JSON.stringify(classes)} writes ${written.join(', ')}`, async () => {
    const { lines, ask } = aLog([{ zone: '.', rules: [{ classes, format: '{name}' }] }]);
    for (const [name, asked] of Object.entries(ANSWERS)) await ask({ ...asked, name });
    assert.deepEqual(
      lines,
      written.map((it) => `${it}.`),
    );
  });

test('QueryLog goes by the most specific zone, and there by the first rule that has the name', async () => {
  const { lines, ask } = aLog([
    {
      zone: '.',
      rules: [
        { names: ['a.example'], format: 'a' },
        { format: 'all', names: ['example'] },
      ],
    },
    { zone: 'corp.example' },
  ]);
  for (const name of ['x.a.example', 'b.example', 'other', 'wiki.corp.example']) await ask({ name });
  assert.deepEqual(lines, ['a', 'all']);
});

test('QueryLog writes so many lines a second, and says how many it left out', async () => {
  const { lines, ask, time } = aLog([{ zone: '.', rules: [{ format: 'x' }] }], 0);
  for (let i = 0; i < LOG_LINES_PER_SECOND + 7; i++) await ask();
  assert.equal(lines.length, LOG_LINES_PER_SECOND);
  time.ms += 1000;
  await ask();
  assert.deepEqual(lines.slice(LOG_LINES_PER_SECOND), [
    'questions were left out of the log {"leftOut":7}',
    'x',
  ]);
});

test('QueryLog passes on what is no question, and answers that there must not be', async () => {
  const { lines, queries } = aLog([{ zone: '.', rules: [{}] }]);
  const garbage = Buffer.from('garbage that is no message');
  assert.notEqual(parseQuery(garbage).kind, 'query');
  assert.equal(queries.respond({ respond: () => garbage }, garbage, CLIENT), garbage);
  const bytes = packet.encode({ type: 'query', questions: [{ name: 'a', type: 'A' }] });
  assert.equal(queries.respond({ respond: () => undefined }, bytes, CLIENT), undefined);
  assert.deepEqual(lines, []);
});

for (const rule of [{ classes: ['some'] }, { names: ['a..b'] }, { format: '' }])
  test(`parseQueryLog() refuses ${JSON.stringify(rule)}`, () => {
    const fields = new ConfigFields({ queryLog: [{ zone: '.', rules: [rule] }] });
    assert.throws(() => parseQueryLog(fields), /queryLog\[0\]\.rules\[0\]\.(classes|names|format)/);
  });
