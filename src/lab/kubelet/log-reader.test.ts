import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../base/clock.ts';
import { CriLog, formatCriLine } from '../workload/cri-log.ts';
import { readLog, type LogOptions } from './log-reader.ts';

const ALL: LogOptions = {
  follow: false,
  timestamps: false,
  tailLines: undefined,
  sinceMs: undefined,
  limitBytes: undefined,
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync('/tmp/t-lab-log-');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(path: string, options: Partial<LogOptions> = {}, isOver = () => true): Promise<string> {
  let text = '';
  const { signal } = new AbortController();
  for await (const part of readLog(path, { ...ALL, ...options }, { signal, isOver })) text += part;
  return text;
}

function line(text: string, atMs = 0): string {
  return formatCriLine(text, 'stdout', atMs);
}

test('readLog() joins parts of long lines, counts them as one, and reads rotated files first', async () => {
  const path = `${folder}/0.log`;
  const long = 'x'.repeat(40_000);
  writeFileSync(`${path}.1`, line('one') + line(long));
  writeFileSync(path, line('three'));
  assert.equal(await read(path), `one\n${long}\nthree\n`);
  assert.equal(await read(path, { tailLines: 2 }), `${long}\nthree\n`);
  assert.equal(await read(path, { tailLines: 0 }), '');
  assert.equal(await read(path, { limitBytes: 5 }), 'one\nx');
});

test('readLog() shows times once per line and drops lines before a moment', async () => {
  const path = `${folder}/0.log`;
  writeFileSync(path, line('old', 1000) + line('new', 2000));
  assert.equal(await read(path, { timestamps: true, sinceMs: 1500 }), '1970-01-01T00:00:02.000000000Z new\n');
  assert.equal(await read(`${folder}/none.log`), '');
});

test('readLog() follows through a rotation until the container is over', async () => {
  const path = `${folder}/0.log`;
  writeFileSync(path, line('a'));
  let isOver = false;
  const text = read(path, { follow: true }, () => isOver);
  await delay(50);
  appendFileSync(path, line('b'));
  await delay(50);
  renameSync(path, `${path}.1`);
  writeFileSync(path, line('c'));
  await delay(1200);
  isOver = true;
  assert.equal(await text, 'a\nb\nc\n');
});

test('CriLog rotates by size and keeps so many files', async () => {
  const path = `${folder}/0.log`;
  const log = new CriLog(path, { clock: systemClock, maxBytes: 200, keep: 2 });
  for (let i = 0; i < 20; i++) {
    log.write(`line ${i}`);
    await log.flush();
  }
  const text = await read(path);
  assert.ok(text.endsWith('line 19\n') && !text.includes('line 0\n'), text);
  assert.equal(log.dropped, 0);
});

test('CriLog drops lines rather than memory when the disk refuses', async () => {
  const log = new CriLog(`${folder}/no/such/folder/0.log`, { clock: systemClock });
  log.write('lost');
  await log.flush();
  assert.equal(log.dropped, 1);
});
