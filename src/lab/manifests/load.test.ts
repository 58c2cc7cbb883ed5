import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadManifests } from './load.ts';
import { readManifests } from './read-manifests.ts';

const SERVICE = `# a comment
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
    - name: http
      port: 80
`;

test('readManifests() gives each object with the line of its first key', () => {
  const { manifests: found } = readManifests('a.yaml', `${SERVICE}---\n---\n${SERVICE}`);
  assert.deepEqual(
    found.map((it) => [it.object.kind, it.line]),
    [
      ['Service', 2],
      ['Service', 13],
    ],
  );
});

for (const row of [
  { field: 'spec.ports[0].port', line: 9 },
  { field: 'spec.ports[0].protocol', line: 8 },
  { field: 'spec.selector', line: 6 },
  { field: 'metadata.name', line: 5 },
  { field: 'metadata.names[0]', line: 5 },
  { field: 'status', line: 2 },
]) {
  test(`lineOf() finds ${row.field} or its nearest parent`, () => {
    assert.equal(readManifests('a.yaml', SERVICE).manifests[0]?.lineOf(row.field), row.line);
  });
}

for (const row of [
  { name: 'broken YAML', text: 'a: [1', error: /^a\.yaml:1: / },
  { name: 'a duplicate key', text: 'apiVersion: v1\nkind: A\nkind: B\n', error: /^a\.yaml:3: .*unique/ },
  { name: 'a list', text: '- 1\n', error: /^a\.yaml:1: a Kubernetes object is a mapping/ },
  { name: 'no kind', text: 'apiVersion: v1\nmetadata: {name: x}\n', error: /^a\.yaml:1: kind: required/ },
  {
    name: 'no name',
    text: 'apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n',
    error: /^a\.yaml:3: metadata\.name: required/,
  },
  { name: 'an alias bomb', text: bomb(), error: /^a\.yaml:1: .*alias/i },
]) {
  test(`readManifests() refuses ${row.name} with file and line`, () => {
    const { manifests, complaints } = readManifests('a.yaml', row.text);
    assert.deepEqual(manifests, []);
    assert.match(complaints.map((it) => `${it.file}:${it.line}: ${it.text}`).join('\n'), row.error);
  });
}

test('readManifests() unfolds a List', () => {
  const list = JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }],
  });
  assert.deepEqual(
    readManifests('a.json', list).manifests.map((it) => it.object.metadata.name),
    ['p'],
  );
});

test('loadManifests() reads folders by name and names what is missing', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'manifests-'));
  try {
    writeFileSync(path.join(folder, 'b.yaml'), SERVICE.replace('web', 'b'));
    writeFileSync(path.join(folder, 'a.yml'), SERVICE.replace('web', 'a'));
    writeFileSync(path.join(folder, 'notes.txt'), 'not a manifest');
    const names = loadManifests([folder, '-'], () => SERVICE).map((it) => it.object.metadata.name);
    assert.deepEqual(names, ['a', 'b', 'web']);
    writeFileSync(path.join(folder, 'b.yaml'), 'a: [1\n---\nkind: A\n');
    writeFileSync(path.join(folder, 'c.yaml'), '# nothing\n');
    mkdirSync(path.join(folder, 'folder'));
    const refused = (): unknown =>
      loadManifests(
        [folder, path.join(folder, 'c.yaml'), path.join(folder, 'none'), path.join(folder, 'folder'), '-'],
        () => '- 1',
      );
    assert.throws(
      () => loadManifests(['-'], () => ''),
      /^FairleadError: .*\nstandard input: no object in it$/,
    );
    assert.throws(refused, (error: Error) => {
      const lines = error.message.replaceAll(`${folder}/`, '').split('\n');
      assert.equal(lines.shift(), `Cannot use these manifests: ${lines.length} mistakes`);
      assert.match(lines.shift() ?? '', /^b\.yaml:2: /);
      assert.ok(lines.includes('b.yaml:3: apiVersion: required, a string'));
      assert.ok(lines.includes('b.yaml:3: metadata: required, a mapping with a name'));
      assert.ok(lines.includes('c.yaml: no object in it'));
      assert.ok(lines.includes('none: no such file or folder'));
      assert.ok(lines.includes('folder: a folder without .yaml, .yml and .json files'));
      assert.equal(lines.at(-1), 'standard input:1: a Kubernetes object is a mapping');
      return true;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function bomb(): string {
  const rows = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++) rows.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(9).slice(0, -1)}]`);
  return rows.join('\n');
}
