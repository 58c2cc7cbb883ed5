import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { LearnedLog, type LoggedAddress } from './learned-log.ts';

let folder = '';
let file = '';
const errors: unknown[] = [];
const logs: LearnedLog[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 't-learned-'));
  file = path.join(folder, 'learned-names');
  errors.length = 0;
});

afterEach(() => {
  for (const it of logs.splice(0)) it.close();
  rmSync(folder, { recursive: true });
});

function aLog(at = file): LearnedLog {
  const log = new LearnedLog(at, (error) => errors.push(error));
  logs.push(log);
  return log;
}

function aLine(name: string, ip: string, untilMs: number): LoggedAddress {
  return { name, ip: parseIp(ip), untilMs };
}

const [A, B] = [aLine('a.net', '192.0.2.1', 5), aLine('b.net', '2001:db8::1', 6)];

test('LearnedLog gives what was written last of each address, in the order of the last lines', () => {
  const log = aLog();
  assert.deepEqual(log.read(), []);
  log.rewrite([A]);
  log.append([B]);
  log.append([{ ...A, untilMs: 9 }]);
  assert.deepEqual(aLog().read(), [B, { ...A, untilMs: 9 }]);
  log.append([{ ...B, untilMs: 0 }]);
  assert.deepEqual(aLog().read(), [{ ...A, untilMs: 9 }]);
  assert.deepEqual(errors, []);
});

test('LearnedLog passes over lines that cannot be read, as a crash may leave them', () => {
  aLog().rewrite([A]);
  appendFileSync(
    file,
    'nonsense\n["c.net","192.0.2.300",5]\n["c.net"]\n[1,2,3]\n{}\n["d.net","192.0.2.4",7]\n["e.net","192.',
  );
  assert.deepEqual(aLog().read(), [A, aLine('d.net', '192.0.2.4', 7)]);
});

test('LearnedLog writes nothing before it was written anew, and all of it in one step then', () => {
  writeFileSync(file, '["a.net","192.0.2.1",5]\n');
  const log = aLog();
  log.append([B]);
  assert.equal(readFileSync(file, 'utf8'), '["a.net","192.0.2.1",5]\n');
  log.rewrite([B]);
  assert.deepEqual(aLog().read(), [B]);
});

test('LearnedLog is long when most of its lines are out of date', () => {
  const log = aLog();
  log.rewrite([A]);
  log.append(Array.from({ length: 8_192 }, () => A));
  assert.equal(log.isLong(1), false);
  log.append([A]);
  assert.equal(log.isLong(1), true);
  log.rewrite([A]);
  assert.equal(log.isLong(1), false);
});

test('LearnedLog tells of a disk that takes nothing, and goes on', () => {
  const log = aLog(path.join(folder, 'none', 'learned-names'));
  log.rewrite([A]);
  log.append([B]);
  assert.match(String(errors[0]), /ENOENT/);
});
