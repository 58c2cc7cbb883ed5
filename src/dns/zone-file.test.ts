// The zone on disk: what is written is read, what is not whole is refused, and writes come soon but not often.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { eventually } from '../../test/support/eventually.ts';
import { parseCidr } from '../base/cidr.ts';
import { hasCode } from '../base/errors.ts';
import { nameEntryKey } from '../model/names.ts';
import { readZoneFile, writeZoneFile, type StoredZone } from './zone-file.ts';
import { parseNameEntry } from './zone-json.ts';
import { ZoneSaver } from './zone-saver.ts';
import { ZoneState } from './zone-state.ts';

let folder = '';
before(() => (folder = mkdtempSync(path.join(tmpdir(), 't-dns-zone-'))));
after(() => rmSync(folder, { recursive: true }));

const ENTRIES = [
  {
    kind: 'cluster-ip',
    namespace: 'a',
    service: 'b',
    ips: ['10.96.0.1', 'fd00::1'],
    ports: [{ name: 'x', port: 1, protocol: 'SCTP' }],
  },
  {
    kind: 'headless',
    namespace: 'a',
    service: 'c',
    endpoints: [
      { ip: '10.244.0.1', hostname: 'h', ports: [] },
      { ip: '10.244.0.2', ports: [] },
    ],
  },
  { kind: 'external', namespace: 'a', service: 'd', target: 'exämple.org' },
  { kind: 'pod', namespace: 'a', ip: '10.244.0.1' },
].map((it) => parseNameEntry(it));

function stored(count = ENTRIES.length, revision = 7): StoredZone {
  const entries = new Map(ENTRIES.slice(0, count).map((it) => [nameEntryKey(it), it]));
  return { zone: { prefixes: [parseCidr('10.96.0.0/16')], entries }, revision };
}

test('readZoneFile() reads what writeZoneFile() wrote', async () => {
  const file = path.join(folder, 'whole');
  await writeZoneFile(file, stored());
  assert.deepEqual(await readZoneFile(file), stored());
  assert.equal(existsSync(`${file}.partial`), false);
});

test('readZoneFile() refuses every shorter file and one with more behind the end', async () => {
  const file = path.join(folder, 'cut');
  await writeZoneFile(file, stored());
  const whole = readFileSync(file, 'utf8');
  const lines = whole.trimEnd().split('\n');
  const broken = [
    ...lines.map((_, i) => lines.slice(0, i).join('\n')),
    whole.slice(0, -5),
    lines.toSpliced(2, 1).join('\n'),
    `${whole}{}\n`,
    whole.replace('fairlead-zone/1', 'fairlead-zone/9'),
    whole.replace('10.96.0.1', '10.96.0.256'),
    'null\n',
  ];
  for (const text of broken) {
    writeFileSync(file, text);
    await assert.rejects(readZoneFile(file), (error) => hasCode(error, 'invalid'), JSON.stringify(text));
  }
});

test('readZoneFile() of no file is not-found; writeZoneFile() into no folder says which file', async () => {
  const nowhere = path.join(folder, 'nowhere', 'zone');
  await assert.rejects(readZoneFile(nowhere), (error) => hasCode(error, 'not-found'));
  await assert.rejects(writeZoneFile(nowhere, stored()), /Cannot write zone file .*nowhere/);
});

function aSaver(file: string) {
  const clock = new ManualClock();
  const end = new AbortController();
  const errors: unknown[] = [];
  const zone: ZoneState = new ZoneState(() => saver.changed());
  const saver: ZoneSaver = new ZoneSaver({
    path: file,
    zone,
    clock,
    signal: end.signal,
    onError: (it) => errors.push(it),
  });
  return { clock, end, errors, zone, saver };
}

test('ZoneSaver makes one write of a burst, and another one of what came during it', async () => {
  const file = path.join(folder, 'burst');
  const { clock, end, zone, saver } = aSaver(file);
  for (let i = 1; i <= 10; i++) zone.replace(stored(i % 5).zone, i);
  assert.equal(existsSync(file), false);
  await clock.advance(500);
  await eventually(async () => (await readZoneFile(file)).revision === 10);
  zone.replace(stored(2).zone, 11);
  await clock.advance(500);
  await eventually(async () => (await readZoneFile(file)).revision === 11);
  end.abort();
  await saver.flush();
});

test('ZoneSaver writes at the end what is not written yet, and nothing that came from the file', async () => {
  const file = path.join(folder, 'end');
  const { end, zone, saver } = aSaver(file);
  saver.load(() => zone.replace(stored(1).zone, 1));
  await saver.flush();
  assert.equal(existsSync(file), false);
  zone.replace(stored(2).zone, 2);
  end.abort();
  await saver.flush();
  assert.deepEqual(await readZoneFile(file), stored(2, 2));
});

test('ZoneSaver tries again after a failed write', async () => {
  const file = path.join(folder, 'later', 'zone');
  const { clock, end, errors, zone, saver } = aSaver(file);
  zone.replace(stored(1).zone, 1);
  await clock.advance(500);
  await eventually(() => errors.length === 1);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(path.dirname(file));
  await eventually(async () => {
    await clock.advance(5000);
    return existsSync(file);
  });
  end.abort();
  await saver.flush();
});
