import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { ClientTallies } from './client-tallies.ts';
import { keyOfQuestion } from './query.ts';
import { SearchLists } from './search-lists.ts';

const POD = '10.244.1.9';

function aBed() {
  const searchLists = new SearchLists();
  const searches = ['shop.svc.cluster.local', 'cluster.local'].map(parseDnsName);
  searchLists.replace([{ searches, ips: [parseIp(POD)] }]);
  const tallies = new ClientTallies(searchLists);
  const answer = (
    name: string,
    {
      rcode = 0,
      ms = 1,
      client = POD,
      isCompleted = false,
    }: { rcode?: number; ms?: number; client?: string; isCompleted?: boolean } = {},
  ): void =>
    tallies.answered(
      {
        client: { address: client, transport: 'udp' },
        key: keyOfQuestion(name.split('.'), 1),
        typeCode: 1,
        isDnssecOk: false,
        rcode,
        isFromZone: true,
        isCompleted,
        requestBytes: 40,
        responseBytes: 40,
        startedMs: 10,
      },
      10 + ms,
    );
  return { tallies, answer };
}

test('ClientTallies tells of each client what it asked, how it was answered and how long that took', () => {
  const { tallies, answer } = aBed();
  answer('web.shop.svc.cluster.local', { ms: 1 });
  answer('web.shop.svc.cluster.local', { ms: 3 });
  answer('www.example.com.shop.svc.cluster.local', { isCompleted: true });
  answer('www.example.com.cluster.local', { rcode: 3 });
  answer('nothing.example.com', { rcode: 3 });
  answer('web.shop.svc.cluster.local', { client: '10.244.1.10' });
  const [first, second] = tallies.list(2);
  assert.deepEqual(
    { ...first, names: undefined },
    {
      client: POD,
      asked: 5,
      inKernel: 0,
      codes: { NOERROR: 3, NXDOMAIN: 2 },
      wasted: 1,
      completed: 1,
      meanMs: 7 / 5,
      maxMs: 3,
      names: undefined,
    },
  );
  assert.deepEqual(first?.names[0], {
    name: 'web.shop.svc.cluster.local',
    type: 'A',
    asked: 2,
    inKernel: 0,
    codes: { NOERROR: 2 },
    wasted: 0,
    meanMs: 2,
    maxMs: 3,
    atMostOver: 0,
  });
  assert.equal(first?.names.length, 2);
  assert.deepEqual([second?.client, second?.asked], ['10.244.1.10', 1]);
});

test('ClientTallies keeps 64 names of a client, and those that are asked often among any number of others', () => {
  const { tallies, answer } = aBed();
  for (let i = 0; i < 5000; i++) {
    answer(`random-${i}.example.com`);
    if (i % 10 === 0) answer('often.example.com');
  }
  const names = tallies.list(1000)[0]?.names ?? [];
  assert.equal(names.length, 64);
  // What a name takes over from another one is its count alone.
  assert.ok(names.every(({ asked, atMostOver, codes }) => codes['NOERROR'] === asked - atMostOver));
  const often = names.find(({ name }) => name === 'often.example.com');
  assert.ok(often !== undefined && often.asked >= 500 && often.asked - often.atMostOver <= 500);
});

test('ClientTallies makes room as a search for the least asked name at each new one does', () => {
  const { tallies, answer } = aBed();
  const plain: { name: string; asked: number }[] = [];
  let random = 1;
  for (let i = 0; i < 20_000; i++) {
    random = (random * 48_271) % 0x7fff_ffff;
    // The lower the number, the more often: those at the edge come and go, and come again.
    const name = `${Math.floor(200 * (random / 0x7fff_ffff) ** 3)}.example.com`;
    answer(name);
    let counts = plain.find((it) => it.name === name);
    if (counts === undefined && plain.length < 64) plain.push((counts = { name, asked: 0 }));
    counts ??= plain.reduce((a, b) => (b.asked < a.asked ? b : a));
    counts.name = name;
    counts.asked++;
  }
  const names = tallies.list(64)[0]?.names ?? [];
  assert.deepEqual(
    names.map(({ name, asked }) => ({ name, asked })),
    plain.sort((a, b) => b.asked - a.asked),
  );
});

test('ClientTallies keeps 512 clients', () => {
  const { tallies, answer } = aBed();
  for (let i = 0; i < 600; i++) answer('web.example.com', { client: `10.244.${i >> 8}.${i & 255}` });
  assert.equal(tallies.list(1).length, 512);
});

test('ClientTallies counts what the kernel answered as asked and answered, and leaves times to the process', () => {
  const { tallies, answer } = aBed();
  const name = parseDnsName('web.shop.svc.cluster.local');
  const inKernel = (client: string, count: number): void =>
    tallies.answeredInKernel({ client: parseIp(client), name, typeCode: 1, isDnssecOk: false, count });
  answer('web.shop.svc.cluster.local', { ms: 3 });
  inKernel(POD, 7);
  inKernel(POD, 2);
  inKernel('fd00::9', 4);
  const [first, second] = tallies.list(5);
  const { names = [], ...of } = first ?? {};
  const times = { meanMs: 3, maxMs: 3 };
  const asked = { asked: 10, inKernel: 9, codes: { NOERROR: 10 }, wasted: 0, ...times };
  assert.deepEqual(of, { client: POD, completed: 0, ...asked });
  assert.deepEqual(names, [{ name, type: 'A', ...asked, atMostOver: 0 }]);
  assert.deepEqual([second?.client, second?.asked, second?.meanMs], ['fd00::9', 4, 0]);
});

test('ClientTallies keeps 512 clients of the kernel, too', () => {
  const { tallies } = aBed();
  const name = parseDnsName('web.example.com');
  for (let i = 0; i < 600; i++) {
    const client = parseIp(`10.244.${i >> 8}.${i & 255}`);
    tallies.answeredInKernel({ client, name, typeCode: 1, isDnssecOk: false, count: 1 });
  }
  assert.equal(tallies.list(1).length, 512);
});
