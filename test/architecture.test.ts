// The layers of ARCHITECTURE.md as a program: an import goes to the same folder or to one of a lower number.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

/** Folder -> layer. The one table; ARCHITECTURE.md explains it. */
const LAYERS: Readonly<Record<string, number>> = {
  base: 0,
  wire: 1,
  model: 1,
  objects: 2,
  kube: 3,
  sys: 3,
  cloud: 3,
  store: 3,
  compile: 4,
  oracle: 4,
  reconcile: 4,
  backends: 5,
  cni: 5,
  dns: 5,
  gateway: 5,
  flows: 5,
  policy: 5,
  controllers: 5,
  agent: 6,
  apiserver: 6,
  lab: 7,
  cli: 8,
};

/** Folders of the same number must not know each other, and the oracle must not know what it judges. */
const FORBIDDEN: readonly (readonly [string, string, string])[] = [
  ['oracle', 'model', 'a wrong selector in the model must not be able to hide in the oracle'],
  ['oracle', 'compile', 'the oracle judges it'],
];

const PURE = ['base', 'wire', 'model', 'objects', 'compile', 'oracle'];
const IO_MODULES = /^node:(fs|net|http|https|child_process|dgram|dns|os|process|tls|timers|worker_threads)/;

const ROOT = new URL('..', import.meta.url).pathname;

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const folder = file.split('/')[1] ?? '';
  return [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+'([^']+)'/gms)].map((match) => ({
    file,
    folder,
    target: match[1] ?? '',
  }));
}

const sources = globSync('src/**/*.ts', { cwd: ROOT }).filter(
  (file) => !file.endsWith('.test.ts') && !file.startsWith('src/ui/'),
);
const imports = sources.flatMap(importsOf);

function folderOfTarget(it: Import): string | undefined {
  if (!it.target.startsWith('.')) return undefined;
  return path.join(path.dirname(it.file), it.target).split('/')[1];
}

test('every folder of src has a layer', () => {
  const unknown = new Set(
    sources.map((file) => file.split('/')[1] ?? '').filter((folder) => !(folder in LAYERS)),
  );
  assert.deepEqual([...unknown], []);
});

test('imports go to the same folder or to a lower layer', () => {
  const wrong = imports.filter((it) => {
    const folder = folderOfTarget(it);
    if (folder === undefined || folder === it.folder) return false;
    return (LAYERS[folder] ?? 99) >= (LAYERS[it.folder] ?? 0);
  });
  assert.deepEqual(wrong, []);
});

test('no backend imports another; shared-* is what they share', () => {
  const wrong = imports.filter((it) => {
    if (it.folder !== 'backends' || folderOfTarget(it) !== 'backends') return false;
    const from = it.file.split('/')[2] ?? '';
    const to = path.join(path.dirname(it.file), it.target).split('/')[2] ?? '';
    if (from.endsWith('.ts')) return false;
    return from !== to && !to.startsWith('shared-') && !to.endsWith('.ts');
  });
  assert.deepEqual(wrong, []);
});

for (const [from, to, because] of FORBIDDEN) {
  test(`${from} does not import ${to}: ${because}`, () => {
    assert.deepEqual(
      imports.filter((it) => it.folder === from && folderOfTarget(it) === to),
      [],
    );
  });
}

test('pure folders and renderers do no I/O', () => {
  const wrong = imports.filter(
    (it) => (PURE.includes(it.folder) || it.file.endsWith('/render.ts')) && IO_MODULES.test(it.target),
  );
  assert.deepEqual(wrong, []);
});
