// The documentation speaks of what is there: every path, npm script and command that a page names exists.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { SERVICE_ROWS } from './contract/service-rows/all.ts';

const ROOT = path.join(import.meta.dirname, '..');
const PAGES = globSync(
  ['*.md', 'docs/**/*.md', 'src/**/*.md', 'test/**/*.md', 'bench/**/*.md', 'examples/**/*.md'],
  { cwd: ROOT },
);
/** Folders of the plan that a later part of the work makes; named in pages as such. */
const PLANNED = new Set(['src/cloud', 'src/gateway', 'src/flows', 'src/policy', 'src/ui']);
const TOP = /^(src|test|bench|bpf|native|scripts|examples|docs|deploy|bin)\/[\w./-]*$/;

const scripts = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  }
).scripts;
const help = spawnSync(path.join(ROOT, 'bin/fairlead'), ['--help'], { encoding: 'utf8' }).stdout;
const commands = new Set([...help.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] ?? ''));

for (const page of PAGES) {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  const folder = path.dirname(page);

  test(`${page}: every link leads somewhere`, () => {
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1] ?? '');
    assert.deepEqual(
      links.filter((link) => !existsSync(path.join(ROOT, folder, link))),
      [],
    );
  });

  test(`${page}: every path in backquotes exists`, () => {
    const names = [...text.matchAll(/`([^`\s*{}<>]+)`/g)].map((match) =>
      (match[1] ?? '').replace(/[:,]$/, ''),
    );
    const paths = names
      .filter((name) => TOP.test(name))
      .filter((name) => !PLANNED.has(name.replace(/\/$/, '')));
    assert.deepEqual(
      paths.filter((name) => !existsSync(path.join(ROOT, name))),
      [],
    );
  });

  test(`${page}: every npm script and command that it names exists`, () => {
    const wantedScripts = [...text.matchAll(/\bnpm run ([a-z][a-z:]*)/g)].map((match) => match[1] ?? '');
    assert.deepEqual(
      wantedScripts.filter((name) => !(name in scripts)),
      [],
    );
    const wantedCommands = [...text.matchAll(/(?:bin\/|`)fairlead ([a-z][a-z-]*)/g)].map(
      (match) => match[1] ?? '',
    );
    assert.deepEqual(
      wantedCommands.filter((name) => !commands.has(name)),
      [],
    );
  });
}

test('the page of contracts names no row that is gone', () => {
  const names = SERVICE_ROWS.map(({ name }) => name);
  const text = readFileSync(path.join(ROOT, 'test/contract/README.md'), 'utf8');
  const asked = [...text.matchAll(/\*([^*\n]+)\*/g)].map((match) => match[1] ?? '');
  assert.ok(asked.length > 0);
  assert.deepEqual(
    asked.filter((it) => !names.some((name) => name.includes(it))),
    [],
  );
});

test('comments name no source file that is gone', () => {
  const sources = globSync('{src,test,scripts,bench}/**/*.ts', { cwd: ROOT });
  const wrong = sources.flatMap((file) => {
    const comments = [
      ...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/^\s*(?:\/\/|\*|\/\*\*).*$/gm),
    ].map((match) => match[0]);
    const named = comments.flatMap((line) =>
      [...line.matchAll(/\b((?:src|test|bench|scripts)\/[\w/-]+\.ts)\b/g)].map((match) => match[1] ?? ''),
    );
    return named.filter((name) => !existsSync(path.join(ROOT, name))).map((name) => `${file}: ${name}`);
  });
  assert.deepEqual(wrong, []);
});
