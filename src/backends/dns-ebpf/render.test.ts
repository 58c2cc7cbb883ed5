// The names that the kernel answers, from entries of the zone: which ones, with what, and what of them changes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import { nameEntryKey, type NameEntry } from '../../model/names.ts';
import { addressesRows, followNames, nameRows, type KernelNames } from './render.ts';

const WEB: NameEntry = {
  kind: 'cluster-ip',
  namespace: 'shop',
  service: 'web',
  ips: [parseIp('10.96.0.7'), parseIp('fd00::7')],
  ports: [],
};

function db(...ips: readonly string[]): NameEntry {
  const endpoints = ips.map((ip, at) => ({
    ip: parseIp(ip),
    hostname: at === 0 ? 'db-0' : undefined,
    ports: [],
  }));
  return { kind: 'headless', namespace: 'shop', service: 'db', endpoints };
}

function names(entries: readonly NameEntry[], patterns: readonly string[] = []): KernelNames {
  return {
    zone: { prefixes: [], entries: ShardedMap.empty<NameEntry>().with(byKey(entries)) },
    domain: 'cluster.local',
    patterns,
    serverIps: [],
    shared: { ttlS: 5, udpPayloadBytes: 1232, domainBytes: 15, soa: new Uint8Array() },
  };
}

function byKey(entries: readonly NameEntry[]): ReadonlyMap<string, NameEntry> {
  return new Map(entries.map((it) => [nameEntryKey(it), it]));
}

/** "web.shop 10.96.0.7 fd00::7": what is held of each family. */
function rowsOf(entries: readonly NameEntry[], patterns: readonly string[] = []): readonly string[] {
  const { desired } = followNames(nameRows)(names(entries, patterns));
  return [...(desired ?? [])].map(
    ([name, { v4, v6 }]) => `${name.replace('.svc.cluster.local', '')} ${v4} ${v6}`,
  );
}

describe('nameRows()', () => {
  test('holds one address in the row, and several beside it', () => {
    assert.deepEqual(rowsOf([WEB]), ['web.shop 10.96.0.7 fd00::7']);
    assert.deepEqual(rowsOf([db('10.244.1.2', '10.244.2.3', 'fd00::2')]), [
      'db.shop several fd00::2',
      'db-0.db.shop 10.244.1.2 none',
      '10-244-2-3.db.shop 10.244.2.3 none',
      'fd00--2.db.shop none fd00::2',
    ]);
  });

  test('leaves out what the process alone can answer', () => {
    const [namespace, service] = ['shop', 'web'];
    const left: readonly NameEntry[] = [
      { kind: 'external', namespace, service, target: 'example.org' },
      { kind: 'pod', namespace, ip: parseIp('10.244.1.2') },
      { ...WEB, service: 'two.labels' },
      { ...WEB, service: 'n\u00e4me' },
      { ...WEB, service: 'x'.repeat(60), namespace: 'y'.repeat(60) },
    ];
    for (const entry of left) assert.deepEqual(rowsOf([entry]), [], JSON.stringify(entry));
    const many = Array.from({ length: 73 }, (_, at) => `10.244.0.${at + 1}`);
    assert.equal(rowsOf([db(...many)])[0], 'db-0.db.shop 10.244.0.1 none');
    assert.equal(rowsOf([db(...many.slice(1))])[0], 'db.shop several none');
  });

  test('leaves out names that policies speak of', () => {
    const entries = [WEB, db('10.244.1.2')];
    assert.deepEqual(rowsOf(entries, ['*.db.shop.svc.cluster.local']), [
      'web.shop 10.96.0.7 fd00::7',
      'db.shop 10.244.1.2 none',
    ]);
    assert.deepEqual(rowsOf(entries, ['*.cluster.local']), []);
  });
});

describe('addressesRows()', () => {
  test('has the addresses of one family in the order of the endpoints', () => {
    const { desired } = followNames(addressesRows)(names([WEB, db('10.244.1.2', 'fd00::2', '10.244.2.3')]));
    assert.deepEqual(
      [...(desired?.values() ?? [])].map(({ family, ips }) => [family, ips]),
      [[4, ['10.244.1.2', '10.244.2.3']]],
    );
  });
});

describe('followNames()', () => {
  test('says which rows one change makes others, and looks at nothing else', () => {
    const follow = followNames(nameRows);
    const first = names([WEB, db('10.244.1.2')]);
    assert.equal(follow(first).changed, undefined);
    assert.deepEqual(follow(first).changed, new Set());
    const zone = {
      prefixes: [],
      entries: ShardedMap.empty<NameEntry>().with(byKey([WEB, db('10.244.1.3')])),
    };
    const { desired, changed } = follow({ ...first, zone });
    assert.deepEqual(
      [...(changed ?? [])].map((it) => it.replace('.shop.svc.cluster.local', '')),
      ['db', 'db-0.db'],
    );
    assert.equal(desired?.get('db.shop.svc.cluster.local')?.v4, '10.244.1.3');
  });

  test('makes all anew where policies speak of other names', () => {
    const follow = followNames(nameRows);
    const first = names([WEB]);
    follow(first);
    const { desired, changed } = follow({ ...first, patterns: ['web.shop.svc.cluster.local'] });
    assert.deepEqual([changed, desired?.size], [undefined, 0]);
  });

  test('leaves all as it is while names are not known', () => {
    const follow = followNames(nameRows);
    follow(names([WEB]));
    assert.deepEqual(follow(undefined), { desired: undefined, changed: undefined });
    assert.equal(follow(names([WEB])).desired?.size, 1);
  });
});
