// The executable alone against hostile input: its JSON reader must agree with JSON.parse, whatever it is given.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { runCni } from '../support/cni-executable.ts';
import { ownName } from '../support/own-name.ts';

/** What a configuration must be answered with while no agent runs: the oracle is JSON.parse. */
function expected(text: string): { readonly code: number; readonly details?: string } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { code: 6 };
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return { code: 6 };
  const socket = (document as Record<string, unknown>)['socket'];
  if (typeof socket !== 'string') return { code: 7 };
  // Lone surrogates become U+FFFD on their way out of JavaScript as well.
  const bytes = Buffer.from(socket);
  if (!socket.startsWith('/') || bytes.length > 107 || bytes.includes(0)) return { code: 7 };
  return { code: 50, details: bytes.toString() };
}

async function agrees(text: string): Promise<void> {
  const want = expected(text);
  const exit = await runCni({ command: 'STATUS', config: text });
  assert.equal(exit.code, 1);
  assert.equal(exit.json?.['code'], want.code, `${JSON.stringify(text)}: ${exit.stdout}`);
  if (want.details !== undefined) assert.equal(exit.json['details'], want.details);
}

const FOLDER = '/nonexistent/t-cni/';
const DOCUMENTS: readonly string[] = [
  '',
  ' ',
  '{}',
  '{} x',
  '{"socket":"/nonexistent/a"}',
  ' \n\t{ "socket" : "/nonexistent/a" } \r\n',
  '{"socket":"/nonexistent/a",}',
  '{"socket":"/nonexistent/a" "b":1}',
  '{"x":{"socket":"/nonexistent/inner"}}',
  '{"x":"\\"socket\\":\\"/nonexistent/quoted\\""}',
  '{"socket":"/nonexistent/first","socket":"/nonexistent/last"}',
  '{"socket":"/nonexistent/first","socket":5}',
  '{"s\\u006fcket":"/nonexistent/escaped"}',
  '{"socket":"/nonexistent/\\u00e9\\ud83d\\ude00\\n\\t\\\\\\""}',
  '{"socket":"/nonexistent/\\ud83d"}',
  '{"socket":"/nonexistent/\\ud83dx"}',
  '{"socket":"/nonexistent/\\ud83d\\u0041"}',
  '{"socket":"/nonexistent/\\u0000"}',
  '{"socket":"/nonexistent/\\x"}',
  '{"socket":"/nonexistent/\\u12"}',
  '{"socket":"/nonexistent/\n"}',
  `{"socket":"/${'n'.repeat(106)}"}`,
  `{"socket":"/${'n'.repeat(107)}"}`,
  '{"a":01}',
  '{"a":-}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":1e}',
  '{"a":-0.5E+10}',
  '{"a":tru}',
  '{"a":truex}',
  '{"a":nul',
  '[',
  '{"a":[1,[2,{"b":null}],[]],"socket":"/nonexistent/a"}',
  `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
];

test('every odd document is read as JSON.parse reads it', async () => {
  for (const text of DOCUMENTS) await agrees(text);
});

test('nesting without end is refused, not followed', async () => {
  for (const text of ['['.repeat(500_000), `{"a":${'['.repeat(400_000)}`, '{"a":'.repeat(150_000)]) {
    const exit = await runCni({ command: 'STATUS', config: text });
    assert.equal(exit.json?.['code'], 6);
  }
});

test('random documents, and real ones with a byte changed, are read as JSON.parse reads them', async () => {
  const key = fc.constantFrom('socket', 'cniVersion', 'name', 'x');
  const value = fc.oneof(
    fc.string({ unit: 'binary' }).map((it) => FOLDER + it),
    fc.jsonValue(),
  );
  const document = fc.array(fc.tuple(key, value), { maxLength: 5 }).map((members) => {
    const parts = members.map(([name, it]) => `${JSON.stringify(name)}:${JSON.stringify(it)}`);
    return `{${parts.join(',')}}`;
  });
  const damaged = fc
    .tuple(document, fc.nat(), fc.constantFrom('"', '\\', '{', '}', ',', ':', '0', '\u0001', ' ', 'u'))
    .map(([text, at, byte]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + byte + text.slice(cut + 1);
    });
  await fc.assert(fc.asyncProperty(fc.oneof(document, damaged), agrees), { numRuns: 400 });
});

test('an agent that answers nonsense, too much or nothing is no answer: code 11, and no crash', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), `${ownName('exe')}-`));
  const answers = [
    Buffer.alloc(0),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.from('FLC1'),
    Buffer.from([0x46, 0x4c, 0x43, 0x31, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7b]),
    Buffer.from([0x46, 0x4c, 0x43, 0x31, 0, 0, 0, 0, 0, 0, 0, 9, 0x7b]),
  ];
  for (const [i, answer] of answers.entries()) {
    const socket = `${folder}/${i}.sock`;
    const server = createServer((client) => {
      client.on('error', () => undefined).resume();
      client.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const exit = await runCni({ command: 'ADD', config: { socket, cniVersion: '1.0.0' }, timeoutMs: 2000 });
    assert.equal(exit.json?.['code'], 11, exit.stdout);
    assert.equal(exit.json['cniVersion'], '1.0.0');
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true });
});

test('an agent that never answers: code 11 after the stated time', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), `${ownName('exe')}-`));
  const socket = `${folder}/a.sock`;
  const server = createServer((client) => client.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const exit = await runCni({ command: 'CHECK', config: { socket }, timeoutMs: 150 });
  assert.equal(exit.json?.['code'], 11);
  assert.match(String(exit.json['msg']), /no answer in time/);
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});
